/* Private to esp/: how one traffic selector looks at one flow. */
#ifndef CULVERT_ESP_SELECTOR_H
#define CULVERT_ESP_SELECTOR_H

#include <stdbool.h>

#include "esp/esp.h"

/* Protocol and source port (or ICMP type and code) of the flow, as the sender's selector sees them. */
bool esp_selector_sends(const struct wire_ts *ts, const struct esp_flow *flow);
/* The same for the receiver's selector and the destination port. */
bool esp_selector_receives(const struct wire_ts *ts, const struct esp_flow *flow);
/* Is the address in the selector's range? */
bool esp_selector_covers(const struct wire_ts *ts, const struct cv_ip *ip);

#endif

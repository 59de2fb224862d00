/* What the control socket asks for. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/status.h"
#include "daemon/daemon.h"
#include "lib/log.h"

/* Messages on their way to one client. */
struct listener {
	struct daemon *daemon;
	uint64_t id;
};

static void say_progress(void *arg, const char *text)
{
	const struct listener *l = arg;
	ctl_server_progress(l->daemon->ctl, l->id, text);
}

/* The named connection; when there is none the request is answered. */
static struct daemon_conn *known(struct daemon *d, uint64_t id, const char *name)
{
	struct daemon_conn *c = daemon_conn_find(d, name);
	char text[800];
	if (c != NULL)
		return c;
	daemon_conn_unknown_text(d, name, text, sizeof(text));
	ctl_server_answer(d->ctl, id, false, "%s", text);
	return NULL;
}

static void do_up_or_down(struct daemon *d, uint64_t id, const struct ctl_request *request)
{
	struct daemon_conn *c = known(d, id, request->name);
	if (c == NULL)
		return;
	if (!c->loaded) {
		ctl_server_answer(d->ctl, id, false, "%s:%u: connection '%s' is not loaded: %s", c->conf.file,
				  c->conf.line, c->name, c->why_not);
		return;
	}
	enum cv_err err = request->command == CTL_UP ? daemon_conn_up(d, c, id) : daemon_conn_down(d, c, id);
	if (err != CV_OK)
		ctl_server_answer(d->ctl, id, false, "'%s': %s", c->name, cv_err_text(err));
}

static void do_add(struct daemon *d, uint64_t id, const char *name)
{
	struct conf *conf;
	struct conf_secrets *secrets;
	struct listener l = { .daemon = d, .id = id };
	if (daemon_config_read(d, &conf, &secrets, say_progress, &l) != CV_OK) {
		ctl_server_answer(d->ctl, id, false, "%s has errors; nothing has changed", d->options.config);
		return;
	}
	/* A new connection comes with a new secret more often than not. */
	conf_secrets_free(d->secrets);
	d->secrets = secrets;
	const struct conf_conn *c = conf_conn_find(conf, name);
	if (c == NULL)
		ctl_server_answer(d->ctl, id, false, "%s has no 'conn %s'", d->options.config, name);
	else if (daemon_conn_load(d, c, true))
		ctl_server_answer(d->ctl, id, true, "connection '%s' is loaded", name);
	else
		ctl_server_answer(
		    d->ctl, id, false, "%s:%u: connection '%s' is not loaded: %s", c->file, c->line, name,
		    daemon_conn_find(d, name) != NULL ? daemon_conn_find(d, name)->why_not : "out of memory");
	conf_free(conf);
}

static void do_delete(struct daemon *d, uint64_t id, const char *name)
{
	struct daemon_conn *c = known(d, id, name);
	if (c == NULL)
		return;
	daemon_conn_remove(d, c);
	ctl_server_answer(d->ctl, id, true, "connection '%s' is deleted", name);
}

static void do_reload(struct daemon *d, uint64_t id)
{
	struct listener l = { .daemon = d, .id = id };
	if (daemon_reload(d, say_progress, &l) == CV_OK)
		ctl_server_answer(d->ctl, id, true, "reloaded %s", d->options.config);
	else
		ctl_server_answer(d->ctl, id, false, "%s has errors; the old configuration stays in use",
				  d->options.config);
}

static void do_show(struct daemon *d, uint64_t id, const struct ctl_request *request)
{
	if (request->name[0] != 0 && known(d, id, request->name) == NULL)
		return;
	json_t *data = request->command == CTL_STATUS ? daemon_status(d, request->name)
						      : daemon_traffic(d, request->name);
	ctl_server_done(d->ctl, id, data != NULL, data != NULL ? "status" : "out of memory", data);
}

void daemon_command(void *arg, uint64_t id, const struct ctl_request *request)
{
	struct daemon *d = arg;
	if (d->stopping) {
		ctl_server_answer(d->ctl, id, false, "culvertd is stopping");
		return;
	}
	if (request->command != CTL_STATUS && request->command != CTL_TRAFFIC &&
	    request->command != CTL_VERSION)
		cv_log(CV_LOG_INFO, DAEMON_ROOM, NULL, "asked to %s %s", ctl_command_word(request->command),
		       request->name);
	switch (request->command) {
	case CTL_UP:
	case CTL_DOWN: do_up_or_down(d, id, request); break;
	case CTL_ADD: do_add(d, id, request->name); break;
	case CTL_DELETE: do_delete(d, id, request->name); break;
	case CTL_RELOAD: do_reload(d, id); break;
	case CTL_VERSION: ctl_server_done(d->ctl, id, true, "version", ctl_json_version()); break;
	default: do_show(d, id, request); break;
	}
}

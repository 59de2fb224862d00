/* Reading the files, and putting them into use. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/daemon.h"
#include "lib/log.h"

static void tell(const struct conf_message *messages, size_t count, void (*say)(void *arg, const char *text),
		 void *arg)
{
	for (size_t i = 0; i < count; i++) {
		cv_log(messages[i].level, "conf", NULL, "%s", messages[i].text);
		if (say != NULL)
			say(arg, messages[i].text);
	}
}

static void tell_failure(const char *path, enum cv_err err, int os_error, size_t count,
			 void (*say)(void *arg, const char *text), void *arg)
{
	struct conf_message m = { .level = CV_LOG_ERROR };
	if (err == CV_OK || count > 0)
		return;
	snprintf(m.text, sizeof(m.text), "%s: %s", path,
		 err == CV_E_IO ? strerror(os_error) : cv_err_text(err));
	tell(&m, 1, say, arg);
}

enum cv_err daemon_config_read(const struct daemon *d, struct conf **conf, struct conf_secrets **secrets,
			       void (*say)(void *arg, const char *text), void *arg)
{
	struct conf_message *messages = NULL;
	size_t count = 0;
	*conf = NULL;
	*secrets = NULL;
	errno = 0;
	enum cv_err err = conf_load(d->options.config, conf, &messages, &count);
	int os_error = errno;
	tell(messages, count, say, arg);
	tell_failure(d->options.config, err, os_error, count, say, arg);
	free(messages);
	if (err != CV_OK)
		return err;
	const char *path = d->options.secrets != NULL ? d->options.secrets : conf_setup(*conf)->secretsfile;
	messages = NULL;
	count = 0;
	errno = 0;
	err = conf_secrets_load(path, secrets, &messages, &count);
	os_error = errno;
	tell(messages, count, say, arg);
	/* Without the file only NULL authentication works, which may be all that is wanted. */
	if (err == CV_E_IO && os_error == ENOENT) {
		cv_log(CV_LOG_WARNING, "conf", NULL,
		       "there is no %s: no connection with authby=secret can work", path);
		err = CV_OK;
	}
	tell_failure(path, err, os_error, count, say, arg);
	free(messages);
	if (err != CV_OK) {
		conf_free(*conf);
		*conf = NULL;
	}
	return err;
}

enum cv_err daemon_reload(struct daemon *d, void (*say)(void *arg, const char *text), void *arg)
{
	struct conf *conf;
	struct conf_secrets *secrets;
	enum cv_err err = daemon_config_read(d, &conf, &secrets, say, arg);
	if (err != CV_OK) {
		cv_log(CV_LOG_ERROR, DAEMON_ROOM, NULL,
		       "not reloaded: %s has errors; the old configuration stays", d->options.config);
		return err;
	}
	daemon_set_log(d, conf_setup(conf));
	/* A port that is taken is said in the log, and no reason to keep the rest from the user. */
	if (daemon_listen(d, conf) != CV_OK && say != NULL)
		say(arg, "cannot listen everywhere that the configuration says; the log says where and why");
	conf_secrets_free(d->secrets);
	d->secrets = secrets;
	/* The old one is needed until the connections are compared: they are copies, so it is not. */
	conf_free(d->conf);
	d->conf = conf;
	daemon_conns_apply(d, conf);
	cv_log(CV_LOG_NOTICE, DAEMON_ROOM, NULL, "reloaded %s", d->options.config);
	return CV_OK;
}

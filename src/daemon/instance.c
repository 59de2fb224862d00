#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/daemon.h"

enum { DESCRIPTORS = 65536 };

bool daemon_instance_allowed(char *text, size_t cap)
{
	if (geteuid() != 0) {
		snprintf(
		    text, cap,
		    "culvertd needs root, for ports below 1024, the TUN device and routes: start it with "
		    "'systemctl start culvertd' or 'sudo culvertd'");
		return false;
	}
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
	if (fd < 0) {
		snprintf(text, cap,
			 "cannot open /dev/net/tun: %s. On a host, 'modprobe tun' provides it; a container "
			 "has to be given "
			 "the device (and CAP_NET_ADMIN)",
			 strerror(errno));
		return false;
	}
	close(fd);
	return true;
}

/* Keys are in this process: no core files, and nobody attaches. */
static void hide_memory(void)
{
	prctl(PR_SET_DUMPABLE, 0);
}

/* The usual 1024 are fewer than the TCP streams that strangers may hold open. */
static void allow_streams(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= DESCRIPTORS)
		return;
	limit.rlim_cur = limit.rlim_max < DESCRIPTORS ? limit.rlim_max : DESCRIPTORS;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

static bool folder_is_safe(const char *run_dir, char *text, size_t cap)
{
	struct stat s;
	if (mkdir(run_dir, 0700) != 0 && errno != EEXIST) {
		snprintf(text, cap, "cannot make the run folder %s: %s", run_dir, strerror(errno));
		return false;
	}
	if (stat(run_dir, &s) != 0) {
		snprintf(text, cap, "cannot use the run folder %s: %s", run_dir, strerror(errno));
		return false;
	}
	/* What lies in it is believed at the next start. */
	if (!S_ISDIR(s.st_mode) || s.st_uid != geteuid() || (s.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
		snprintf(text, cap,
			 "the run folder %s has to be a folder of root's that nobody else may write to",
			 run_dir);
		return false;
	}
	return true;
}

int daemon_instance_lock(const char *run_dir, char *text, size_t cap)
{
	char path[512], pid[16] = "";
	hide_memory();
	allow_streams();
	if (!folder_is_safe(run_dir, text, cap))
		return -1;
	int len = snprintf(path, sizeof(path), "%s/culvertd.pid", run_dir);
	int fd = len < 0 || (size_t)len >= sizeof(path)
		     ? -1
		     : open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0) {
		snprintf(text, cap, "cannot write in the run folder %s: %s", run_dir, strerror(errno));
		return -1;
	}
	if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		ssize_t got = read(fd, pid, sizeof(pid) - 1);
		pid[got > 0 ? strcspn(pid, "\n") : 0] = 0;
		snprintf(text, cap,
			 "culvertd runs already (process %s) with the run folder %s. 'culvert status' shows "
			 "what it does; a "
			 "second one needs another --run-dir and its own network namespace",
			 pid[0] == 0 ? "unknown" : pid, run_dir);
		close(fd);
		return -1;
	}
	len = snprintf(pid, sizeof(pid), "%ld\n", (long)getpid());
	if (ftruncate(fd, 0) != 0 || write(fd, pid, (size_t)len) != len) {
		snprintf(text, cap, "cannot write %s: %s", path, strerror(errno));
		close(fd);
		return -1;
	}
	return fd;
}

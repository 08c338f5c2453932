/* A host whose wall clock is wrong: preloaded, it moves the time of day by SHIFT_CLOCK_SECONDS. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>

static time_t shift(void) {
  const char* seconds = getenv("SHIFT_CLOCK_SECONDS");
  return seconds == NULL ? 0 : (time_t)strtol(seconds, NULL, 10);
}

int clock_gettime(clockid_t clock, struct timespec* now) {
  int (*real)(clockid_t, struct timespec*) =
      (int (*)(clockid_t, struct timespec*))dlsym(RTLD_NEXT, "clock_gettime");
  const int result = real(clock, now);
  if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) now->tv_sec += shift();
  return result;
}

int gettimeofday(struct timeval* restrict now, void* restrict zone) {
  struct timespec time_of_day;
  (void)zone;
  clock_gettime(CLOCK_REALTIME, &time_of_day);
  now->tv_sec = time_of_day.tv_sec;
  now->tv_usec = time_of_day.tv_nsec / 1000;
  return 0;
}

time_t time(time_t* result) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (result != NULL) *result = now.tv_sec;
  return now.tv_sec;
}

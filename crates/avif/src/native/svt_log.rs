/// Makes SVT-AV1 write only errors to stderr, unless the environment variable `SVT_LOG` is set. By default, SVT-AV1
/// writes twenty lines for each image. Call this function before the process starts a thread. Returns whether the log
/// level was set. The function sets it on Linux only, because it reads the number of threads from `/proc`.
#[must_use]
pub fn silence_svt_av1() -> bool {
    // SVT-AV1 reads its log level from the environment, and it has no callback for log messages. The value 1 is
    // SVT_LOG_ERROR.
    #[cfg(target_os = "linux")]
    {
        let is_only_thread = std::fs::read_dir("/proc/self/task").is_ok_and(|threads| threads.count() == 1);
        // SAFETY: both arguments are C strings. This is the only thread, so no other code reads the environment during
        // the call.
        is_only_thread && unsafe { libc::setenv(c"SVT_LOG".as_ptr(), c"1".as_ptr(), 0) } == 0
    }
    #[cfg(not(target_os = "linux"))]
    false
}

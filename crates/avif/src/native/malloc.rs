/// Makes all threads that start later allocate from one malloc arena, if the C library is glibc. Call this function
/// before the process starts a thread. Returns whether glibc accepted the setting.
///
/// By default glibc gives each thread its own arena, and each arena keeps freed memory for reuse. An encoder starts new
/// threads for every image, so several arenas keep the memory of one image. After a process had encoded a thousand
/// small photographs one after the other, it used 66 MiB instead of 37 MiB. With one arena, encoding takes less than 1
/// % more time.
#[must_use]
pub fn use_one_malloc_arena() -> bool {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: mallopt takes two numbers and may be called at any time (mallopt(3)).
    return unsafe { libc::mallopt(libc::M_ARENA_MAX, 1) } == 1;
    #[cfg(not(all(target_os = "linux", target_env = "gnu")))]
    false
}

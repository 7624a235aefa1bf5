use crate::native;

/// Has all threads that are started from now on allocate from one place, where the C library has such a choice; glibc has.
/// To be called before the first of them. Says whether it was done.
///
/// glibc gives threads arenas of their own, and each keeps what is freed in it for its next use. An encoder's threads are
/// new with every image, so that what one image took is kept several times over: a thousand small photographs, one
/// after the other, came to 66 MiB instead of 37. It costs an encoder less than a hundredth of its time.
#[must_use]
pub fn share_memory() -> bool {
    native::share_memory()
}

/// Has SVT-AV1 write nothing but errors to stderr, where it puts twenty lines for every image, unless `SVT_LOG` is set. To
/// be called before the first thread is started. Says whether it was done, which it is on Linux, where threads can be
/// counted.
#[must_use]
pub fn quiet_encoders() -> bool {
    native::quiet_encoders()
}

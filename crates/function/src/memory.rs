use nix::sys::resource::{UsageWho, getrusage};

/// Returns the sum of the peak memory of this process and the peak memory of its largest child, in MiB. Only one child
/// runs at a time. `None` if the operating system is not Linux.
pub(crate) fn peak_memory_mib() -> Option<u64> {
    let own_kib = model::peak_memory_kib(&std::fs::read_to_string("/proc/self/status").ok()?)?;
    // The peak memory of the largest child that has exited, in KiB (getrusage(2)).
    let child_kib = getrusage(UsageWho::RUSAGE_CHILDREN).ok()?.max_rss();
    Some((own_kib + u64::try_from(child_kib).ok()?) / 1024)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    #[test]
    fn peak_memory_is_known_on_linux() {
        assert!(super::peak_memory_mib().unwrap() > 0);
    }
}

use nix::sys::resource::{UsageWho, getrusage};

/// The most memory that this process and one of its children ever held together, in MiB, as Linux counts it; nothing
/// elsewhere. One child works at a time.
pub(crate) fn peak_mib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().trim_end_matches(" kB").parse().ok()?;
    // Of the largest child that ended, also in KiB (getrusage(2)).
    let children = getrusage(UsageWho::RUSAGE_CHILDREN).ok()?.max_rss();
    Some((kibibytes + u64::try_from(children).ok()?) / 1024)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    #[test]
    fn linux_tells_the_peak() {
        assert!(super::peak_mib().unwrap() > 0);
    }
}

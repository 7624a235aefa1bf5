/// Returns the peak resident memory of a process in KiB. `status` is the text of `/proc/PID/status`, which contains
/// this value in the field `VmHWM` (`proc_pid_status(5)`). A process that has exited does not have this field.
#[must_use]
pub fn peak_memory_kib(status: &str) -> Option<u64> {
    let value = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    value.trim().strip_suffix(" kB")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peak_memory_is_the_field_vmhwm() {
        let status = "Name:\tbootstrap\nVmPeak:\t 1093500 kB\nVmHWM:\t   48760 kB\nVmRSS:\t   31024 kB\n";
        assert_eq!(peak_memory_kib(status), Some(48_760));
        assert_eq!(peak_memory_kib("Name:\tbootstrap\nState:\tZ (zombie)\n"), None);
    }
}

//! Calculates the usable memory and the CPU power of a Lambda function from its memory size.

use std::num::{NonZeroU32, NonZeroUsize};

/// The memory size in MB at which Lambda assigns one vCPU. CPU power grows in proportion, up to 6 vCPUs at 10,240 MB
/// (AWS Lambda Developer Guide, "Configure Lambda function memory").
const VCPU_MEMORY_MB: u32 = 1769;

/// Returns the bytes that the function may use: 90% of its memory size. The other 10% are reserved for allocations that
/// the estimate does not cover.
pub(crate) fn usable_memory(mebibytes: NonZeroU32) -> u64 {
    (u64::from(mebibytes.get()) << 20) / 10 * 9
}

/// Returns the number of vCPUs that Lambda assigns at this memory size. The number can be a fraction. If the memory
/// size is below [`VCPU_MEMORY_MB`], the number is less than 1.
pub(crate) fn vcpus(mebibytes: NonZeroU32) -> f64 {
    f64::from(mebibytes.get()) / f64::from(VCPU_MEMORY_MB)
}

/// Returns the number of vCPUs, rounded to a whole number of at least 1. The operating system is not asked for this
/// number, because an execution environment can show more CPUs than Lambda assigns.
pub(crate) fn whole_vcpus(mebibytes: NonZeroU32) -> NonZeroUsize {
    let vcpus = mebibytes.get().saturating_add(VCPU_MEMORY_MB / 2) / VCPU_MEMORY_MB;
    usize::try_from(vcpus).ok().and_then(NonZeroUsize::new).unwrap_or(NonZeroUsize::MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vcpus_are_rounded_to_the_nearest_whole_number() {
        let rounded = |mebibytes| whole_vcpus(NonZeroU32::new(mebibytes).unwrap()).get();
        assert_eq!([128, 1769, 2653].map(rounded), [1, 1, 1]);
        assert_eq!([2654, 3008, 3538, 5307, 7076, 8845, 10_240].map(rounded), [2, 2, 2, 3, 4, 5, 6]);
    }
}

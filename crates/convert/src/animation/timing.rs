//! The duration of each frame, in ticks of a timescale.

use std::num::NonZeroU32;

use avif::Playback;

/// How long each frame is shown, and how often the animation is repeated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Timing {
    pub(crate) playback: Playback,
    /// The duration of each frame, in units of the playback's timescale.
    pub(crate) ticks: Vec<NonZeroU32>,
}

/// The delay of a frame: a fraction of a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Delay {
    pub(crate) numerator: u32,
    pub(crate) denominator: NonZeroU32,
}

/// The finest timescale that is used. It is common in video, because it represents milliseconds and the frame durations
/// at 24, 25, 30 and 60 frames per second exactly. If a delay needs a finer timescale, all delays are rounded to ticks
/// of this timescale.
const MAX_TIMESCALE: u32 = 90_000;

impl Timing {
    /// Computes the timing from the delays and the number of repetitions (`None` means that the animation repeats
    /// forever).
    pub(crate) fn new(delays: &[Delay], repetitions: Option<u32>) -> Self {
        let delays: Vec<Delay> = delays.iter().map(|delay| delay.as_browsers_show()).collect();
        let coarsest = delays.iter().try_fold(NonZeroU32::MIN, |scale, delay| {
            let multiple = least_common_multiple(scale.get(), delay.reduced().denominator.get())?;
            NonZeroU32::new(multiple).filter(|multiple| multiple.get() <= MAX_TIMESCALE)
        });
        let timescale = coarsest.or(NonZeroU32::new(MAX_TIMESCALE)).unwrap_or(NonZeroU32::MIN);
        let ticks = delays.iter().map(|delay| delay.ticks(timescale)).collect();
        Self { playback: Playback { timescale, repetitions }, ticks }
    }
}

impl Timing {
    /// Returns the milliseconds after this number of ticks.
    pub(crate) fn milliseconds(&self, ticks: u64) -> i32 {
        let timescale = u64::from(self.playback.timescale.get());
        i32::try_from((ticks * 1000 + timescale / 2) / timescale).unwrap_or(i32::MAX)
    }
}

impl Delay {
    pub(crate) fn new(numerator: u32, denominator: u32) -> Self {
        Self { numerator, denominator: NonZeroU32::new(denominator).unwrap_or(NonZeroU32::MIN) }
    }

    /// Returns the delay that browsers use. In every format, browsers show a frame for 100 ms if its delay is 10 ms or
    /// less (Chromium's `DeferredImageDecoder::FrameDurationAtIndex`). Files with such short delays were made for slow
    /// viewers, which played them as fast as they could.
    fn as_browsers_show(self) -> Self {
        let too_short = u64::from(self.numerator) * 100 <= u64::from(self.denominator.get());
        if too_short { Self::new(1, 10) } else { self }
    }

    fn reduced(self) -> Self {
        let divisor = greatest_common_divisor(self.numerator, self.denominator.get()).max(1);
        Self::new(self.numerator / divisor, self.denominator.get() / divisor)
    }

    /// Returns the delay as a number of ticks. The number is at least 1, so that every frame is shown.
    fn ticks(self, timescale: NonZeroU32) -> NonZeroU32 {
        let denominator = u64::from(self.denominator.get());
        let ticks = (u64::from(self.numerator) * u64::from(timescale.get()) + denominator / 2) / denominator;
        u32::try_from(ticks).map_or(NonZeroU32::MAX, |ticks| NonZeroU32::new(ticks).unwrap_or(NonZeroU32::MIN))
    }
}

fn greatest_common_divisor(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { greatest_common_divisor(b, a % b) }
}

fn least_common_multiple(a: u32, b: u32) -> Option<u32> {
    (a / greatest_common_divisor(a, b).max(1)).checked_mul(b)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timing(delays: &[(u32, u32)]) -> (u32, Vec<u32>) {
        let delays: Vec<_> =
            delays.iter().map(|&(numerator, denominator)| Delay::new(numerator, denominator)).collect();
        let timing = Timing::new(&delays, None);
        (timing.playback.timescale.get(), timing.ticks.into_iter().map(NonZeroU32::get).collect())
    }

    #[test]
    fn timescale_is_the_coarsest_with_exact_delays() {
        assert_eq!(timing(&[(7, 100), (7, 100), (200, 100)]), (100, vec![7, 7, 200]));
        assert_eq!(timing(&[(1, 24), (1, 30), (2, 1)]), (120, vec![5, 4, 240]));
        assert_eq!(timing(&[(1001, 30_000)]), (30_000, vec![1001]));
    }

    #[test]
    fn delays_without_an_exact_timescale_are_rounded() {
        assert_eq!(timing(&[(1, 65_521), (655, 65_521), (656, 65_521)]), (90_000, vec![9_000, 9_000, 901]));
    }

    #[test]
    fn delays_up_to_ten_milliseconds_become_a_hundred_milliseconds() {
        assert_eq!(timing(&[(0, 100), (1, 100), (2, 100)]), (50, vec![5, 5, 1]));
        assert_eq!(timing(&[(10, 1000), (11, 1000), (0, 0)]), (1000, vec![100, 11, 100]));
    }
}

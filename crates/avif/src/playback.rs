use std::num::NonZeroU32;

/// The timing of an image sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Playback {
    /// Ticks per second.
    pub timescale: NonZeroU32,
    /// How many times the sequence is repeated after it has been played once. `None` means that it is repeated forever.
    pub repetitions: Option<u32>,
}

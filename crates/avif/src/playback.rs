use std::num::NonZeroU32;

/// The timing of an image sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Playback {
    /// Ticks per second.
    pub timescale: NonZeroU32,
    /// How many times the sequence is repeated after it was played once. `None` repeats it forever.
    pub repetitions: Option<u32>,
}

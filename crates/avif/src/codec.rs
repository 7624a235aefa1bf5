/// An AV1 encoder. [`can_encode_with`](crate::can_encode_with) returns whether libavif includes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Codec {
    /// libaom. Every supported libavif includes this encoder.
    Aom,
    /// SVT-AV1. It encodes 4:2:0 only, has no lossless mode in libavif, and accepts 64 to 16,384 pixels of width and 64
    /// to 8,704 pixels of height (SVT-AV1, Docs/Parameters.md).
    Svt,
}

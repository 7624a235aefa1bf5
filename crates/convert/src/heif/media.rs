//! The coded data of a file, cleaned and gathered.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;

use super::claim::Work;
use super::damaged;
use crate::Error;
use crate::av1::{Counts, Data, Stream};

/// The content of the new file's `mdat` box.
pub(super) struct Media<'a> {
    file: &'a [u8],
    pub(super) bytes: Vec<u8>,
    /// By where it was in the file, and the sizes of its layers.
    known: HashMap<(Vec<Range<usize>>, Vec<usize>), Coded>,
    /// How many of the file's bytes may still be read: each once.
    left: usize,
}

/// AV1 data of an item or a sample.
#[derive(Debug, Clone)]
pub(super) struct Coded {
    /// Where it is in the media.
    pub(super) place: Range<usize>,
    /// The sizes of all layers but the last, where the file says.
    pub(super) layer_sizes: Vec<usize>,
    pub(super) counts: Counts,
}

/// The most layers that AV1 has (AV1 specification, 6.4.1); so many frames may be decoded for one image.
const MOST_FRAMES: u64 = 4;

impl Coded {
    /// Refuses what is no image, or more than one.
    pub(super) fn check_is_one_image(&self, name: &str) -> Result<(), Error> {
        let Counts { frames, shown, layers, largest_frame } = self.counts;
        if shown == 0 || largest_frame == 0 {
            return Err(damaged(&format!("{name} has no AV1 sequence header or no frame")));
        }
        // A progressive image shows each of its layers.
        if shown > u64::from(layers) || frames > MOST_FRAMES {
            return Err(damaged(&format!(
                "{name} is one image, but has {frames} AV1 frames of which it shows {shown}"
            )));
        }
        Ok(())
    }

    /// What decoding it takes.
    pub(super) fn work(&self) -> Work {
        let Counts { frames, largest_frame, .. } = self.counts;
        Work { largest_frame, pixels: frames.saturating_mul(largest_frame) }
    }
}

impl<'a> Media<'a> {
    pub(super) fn new(file: &'a [u8]) -> Self {
        Self { file, bytes: vec![], known: HashMap::new(), left: file.len() }
    }

    /// Adds bytes that are no AV1 data.
    pub(super) fn add(&mut self, bytes: &[u8]) -> Range<usize> {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        start..self.bytes.len()
    }

    /// The bytes of the file at those places, one after the other.
    pub(super) fn gather(&mut self, spans: &[Range<usize>]) -> Result<Cow<'a, [u8]>, Error> {
        let length = spans.iter().map(Range::len).fold(0, usize::saturating_add);
        let left = self.left.checked_sub(length);
        self.left = left.ok_or_else(|| damaged("its items and samples claim more bytes than the file has"))?;
        Ok(match spans {
            [span] => Cow::Borrowed(&self.file[span.clone()]),
            spans => spans.iter().flat_map(|span| &self.file[span.clone()]).copied().collect::<Vec<_>>().into(),
        })
    }

    /// Adds a sample that lies there in the file.
    pub(super) fn sample(
        &mut self,
        span: Range<usize>,
        stream: &mut Stream,
        name: &str,
    ) -> Result<Range<usize>, Error> {
        let data = self.gather(&[span])?;
        Ok(self.add(&read(stream, &data, name)?.bytes))
    }

    /// Adds AV1 data that lies there in the file, once. `sizes` are those of all its layers but the last, `name` is for
    /// messages.
    pub(super) fn coded(
        &mut self,
        spans: Vec<Range<usize>>,
        sizes: &[usize],
        stream: &mut Stream,
        name: &str,
    ) -> Result<Coded, Error> {
        let key = (spans, sizes.to_vec());
        if let Some(known) = self.known.get(&key) {
            return Ok(known.clone());
        }
        let bytes = self.gather(&key.0)?;
        let mut rest = &bytes[..];
        let (mut counts, mut layer_sizes, start) = (Counts::default(), vec![], self.bytes.len());
        for &size in sizes {
            let split = rest.split_at_checked(size);
            let (layer, behind) =
                split.ok_or_else(|| damaged(&format!("the box `a1lx` has larger layers than {name}")))?;
            let layer = read(stream, layer, name)?;
            counts = counts.and(layer.counts);
            layer_sizes.push(self.add(&layer.bytes).len());
            rest = behind;
        }
        let last = read(stream, rest, name)?;
        let end = self.add(&last.bytes).end;
        let coded = Coded { place: start..end, layer_sizes, counts: counts.and(last.counts) };
        self.known.insert(key, coded.clone());
        Ok(coded)
    }
}

fn read(stream: &mut Stream, data: &[u8], name: &str) -> Result<Data, Error> {
    stream.read(data).map_err(|message| damaged(&format!("{message} ({name})")))
}

//! Copies the coded data of a file. Only the OBUs that decoders need are copied.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;

use super::damaged;
use super::decoding_cost::DecodingCost;
use crate::Error;
use crate::read::avif::av1::{FilteredObus, StreamReader, StreamSummary, consists_of_obus};

/// The content of the new file's `mdat` box, built step by step.
pub(super) struct MediaData<'a> {
    file: &'a [u8],
    pub(super) bytes: Vec<u8>,
    /// The images that were added. The key of an image consists of its ranges in the source file and the sizes of its
    /// layers.
    images: HashMap<(Vec<Range<usize>>, Vec<usize>), CodedImage>,
    /// The number of source bytes that may still be read. The total limit is the size of the source file.
    remaining_bytes: usize,
}

/// The copied AV1 data of an item or a sample.
#[derive(Debug, Clone)]
pub(super) struct CodedImage {
    /// The range of this data in the new media data.
    pub(super) range: Range<usize>,
    /// The sizes of all layers except the last, if the file declares these sizes.
    pub(super) layer_sizes: Vec<usize>,
    pub(super) summary: StreamSummary,
}

/// AV1 has at most 4 layers (AV1 specification, 6.4.1), so a decoder decodes at most 4 frames for one image.
const MAX_FRAMES_PER_IMAGE: u64 = 4;

impl CodedImage {
    /// Rejects data that contains no image, or several images.
    pub(super) fn check_is_one_image(&self, name: &str) -> Result<(), Error> {
        let StreamSummary { coded_frames, shown_frames, spatial_layers, max_frame_pixels } = self.summary;
        if shown_frames == 0 || max_frame_pixels == 0 {
            return Err(damaged(&format!("{name} has no AV1 sequence header or no frame")));
        }
        // A progressive image shows each of its layers.
        if shown_frames > u64::from(spatial_layers) || coded_frames > MAX_FRAMES_PER_IMAGE {
            return Err(damaged(&format!(
                "{name} must be one image, but has {coded_frames} AV1 frames and shows {shown_frames} of them"
            )));
        }
        Ok(())
    }

    pub(super) fn decoding_cost(&self) -> DecodingCost {
        let StreamSummary { coded_frames, max_frame_pixels, .. } = self.summary;
        DecodingCost {
            largest_frame_pixels: max_frame_pixels,
            total_pixels: coded_frames.saturating_mul(max_frame_pixels),
        }
    }
}

impl<'a> MediaData<'a> {
    pub(super) fn new(file: &'a [u8]) -> Self {
        Self { file, bytes: vec![], images: HashMap::new(), remaining_bytes: file.len() }
    }

    /// Appends bytes that are not AV1 data.
    pub(super) fn append(&mut self, bytes: &[u8]) -> Range<usize> {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        start..self.bytes.len()
    }

    /// Reads ranges of the source file and concatenates them.
    pub(super) fn read(&mut self, spans: &[Range<usize>]) -> Result<Cow<'a, [u8]>, Error> {
        let length = spans.iter().map(Range::len).fold(0, usize::saturating_add);
        let remaining = self.remaining_bytes.checked_sub(length);
        self.remaining_bytes =
            remaining.ok_or_else(|| damaged("its items and samples have more bytes than the file"))?;
        Ok(match spans {
            [span] => Cow::Borrowed(&self.file[span.clone()]),
            spans => spans.iter().flat_map(|span| &self.file[span.clone()]).copied().collect::<Vec<_>>().into(),
        })
    }

    /// Adds a sample of a track, given its range in the source file.
    pub(super) fn add_sample(
        &mut self,
        span: Range<usize>,
        stream: &mut StreamReader,
        name: &str,
    ) -> Result<Range<usize>, Error> {
        let data = self.read(&[span])?;
        Ok(self.append(&filter_obus(stream, &data, name)?.bytes))
    }

    /// Adds the AV1 data of an image, given its ranges in the source file. Data that was added before is not added
    /// again. `sizes` are the sizes of all layers except the last; `name` is for error messages.
    ///
    /// If a layer of these sizes ends within an OBU, the image is copied without sizes. Decoders need the sizes only to
    /// decode some of the layers, and some encoders write wrong sizes.
    pub(super) fn add_image(
        &mut self,
        spans: Vec<Range<usize>>,
        sizes: &[usize],
        stream: &mut StreamReader,
        name: &str,
    ) -> Result<CodedImage, Error> {
        let key = (spans, sizes.to_vec());
        if let Some(image) = self.images.get(&key) {
            return Ok(image.clone());
        }
        let bytes = self.read(&key.0)?;
        let layers = split_layers(&bytes, sizes).unwrap_or_else(|| vec![&bytes]);
        let (mut summary, mut layer_sizes, start) = (StreamSummary::default(), vec![], self.bytes.len());
        for layer in layers {
            let layer = filter_obus(stream, layer, name)?;
            summary = summary.combine(layer.summary);
            layer_sizes.push(self.append(&layer.bytes).len());
        }
        // The file does not store the size of the last layer.
        layer_sizes.pop();
        let coded = CodedImage { range: start..self.bytes.len(), layer_sizes, summary };
        self.images.insert(key, coded.clone());
        Ok(coded)
    }
}

/// Splits data into layers of these sizes, and a last layer with the rest. Returns `None` if a layer of these sizes does
/// not consist of whole OBUs.
fn split_layers<'data>(mut data: &'data [u8], sizes: &[usize]) -> Option<Vec<&'data [u8]>> {
    let mut layers = vec![];
    for &size in sizes {
        let (layer, rest) = data.split_at_checked(size)?;
        if !consists_of_obus(layer) {
            return None;
        }
        layers.push(layer);
        data = rest;
    }
    layers.push(data);
    Some(layers)
}

fn filter_obus(stream: &mut StreamReader, data: &[u8], name: &str) -> Result<FilteredObus, Error> {
    stream.read(data).map_err(|message| damaged(&format!("{message} ({name})")))
}

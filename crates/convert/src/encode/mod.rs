//! Encodes the variants.

mod avif;
mod pixels;

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{mem, thread};

use model::{Area, FixedQuality, OutputFormat, VariantId};

use self::avif::QuantizerPlan;
use crate::pixels::framing::Framing;
use crate::search::SearchError;
use crate::transform::{QualityMode, is_copied};
use crate::{Conversion, Error, SearchObstacle, TransformedImage};

/// An encoded variant: one file.
#[derive(Debug, Clone)]
pub struct Variant {
    /// The size and the format in the recipe that this variant was encoded for.
    pub id: VariantId,
    /// Width in pixels. The variant is never larger than the source, and a WebP has at most 16,383 pixels on each side.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// The part of the upright source that the variant shows, unless it shows the whole source.
    pub crop: Option<Area>,
    /// The bytes of the file. Variants of the same framing and format share these bytes.
    pub bytes: Arc<[u8]>,
    /// Whether the file is a copy of the source. A source is copied if it is already an AVIF of this size.
    pub is_source: bool,
    /// The SSIMULACRA2 score, if a search measured it.
    pub score: Option<f32>,
}

/// One file to encode.
#[derive(Clone, Copy)]
struct Task {
    /// The index of the rendition.
    rendition: usize,
    format: OutputFormat,
}

/// An encoded or copied file.
struct EncodedFile {
    bytes: Arc<[u8]>,
    is_source: bool,
    /// The SSIMULACRA2 score, if it was measured.
    score: Option<f32>,
    /// Messages for the user.
    notes: Vec<String>,
}

/// The files by their framing and format.
type Files = HashMap<(Framing, OutputFormat), EncodedFile>;

impl TransformedImage {
    /// Encodes the variants on up to `threads` threads.
    ///
    /// # Errors
    /// Returns [`Error::Encode`] with the error of the encoder.
    pub fn encode(mut self, threads: NonZeroUsize) -> Result<Conversion, Error> {
        let mut notes = mem::take(&mut self.notes);
        let tasks = self.tasks();
        let largest_avif = tasks.iter().find(|task| task.format == OutputFormat::Avif).map(|task| task.rendition);
        let plan = match largest_avif {
            Some(largest) => self.plan_quantizers(largest, threads, &mut notes)?,
            // No AVIF is encoded, so the plan is not used.
            None => QuantizerPlan::Fixed(FixedQuality::default().into()),
        };
        let encoded = self.encode_tasks(&tasks, plan, threads)?;
        let mut files = Files::new();
        for (task, file) in tasks.iter().zip(encoded) {
            let framing = self.renditions[task.rendition].framing;
            notes.extend(self.missed_target(framing.size, task.format, file.score));
            // The same message for several sizes appears once.
            let new: Vec<String> = file.notes.iter().filter(|note| !notes.contains(note)).cloned().collect();
            notes.extend(new);
            files.insert((framing, task.format), file);
        }
        if let Some(source) = &self.copied_source {
            let bytes = Arc::clone(&source.file);
            let file = EncodedFile { bytes, is_source: true, score: None, notes: vec![] };
            files.insert((Framing::whole(source.size), OutputFormat::Avif), file);
        }
        let variants = self.recipe.variants().map(|id| variant(id, self.geometry.framing(id), &files));
        let variants = variants.collect::<Result<_, _>>()?;
        Ok(Conversion { variants, search_obstacle: self.reported_obstacle(&tasks), notes })
    }

    /// Returns the files to encode: AVIF first, and the largest first, because these encodes take the most time. If the longest
    /// encode started last, the other worker would have nothing to do until it ends.
    fn tasks(&self) -> Vec<Task> {
        let is_needed = |format: OutputFormat, framing| {
            let mut ids = self.recipe.variants().filter(|id| id.format == format);
            ids.any(|id| {
                self.geometry.framing(id) == framing && !is_copied(id, self.geometry, self.copied_source.as_ref())
            })
        };
        let tasks = self.recipe.formats.iter().flat_map(|format| {
            let renditions = self.renditions.iter().enumerate();
            let renditions = renditions.filter(move |(_, rendition)| is_needed(format, rendition.framing));
            renditions.map(move |(rendition, _)| Task { rendition, format })
        });
        tasks.collect()
    }

    /// Encodes each task. Two workers with half of the threads each are faster than one worker with all threads. The files
    /// are in the order of the tasks.
    fn encode_tasks(
        &self,
        tasks: &[Task],
        plan: QuantizerPlan,
        threads: NonZeroUsize,
    ) -> Result<Vec<EncodedFile>, Error> {
        let workers = threads.get().min(tasks.len()).clamp(1, 2);
        let threads_per_worker = NonZeroUsize::new(threads.get() / workers).unwrap_or(NonZeroUsize::MIN);
        let next = AtomicUsize::new(0);
        let work = || {
            let mut done = Vec::new();
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                let Some(task) = tasks.get(index) else { return done };
                done.push((index, self.encode_task(*task, plan, threads_per_worker)));
            }
        };
        let mut done = thread::scope(|scope| {
            let other_workers: Vec<_> = (1..workers).map(|_| scope.spawn(work)).collect();
            let mut done = work();
            for worker in other_workers {
                done.extend(worker.join().unwrap_or_else(|panic| resume_unwind(panic)));
            }
            done
        });
        // If several tasks fail, the error of the first task is returned.
        done.sort_unstable_by_key(|(index, _)| *index);
        done.into_iter().map(|(_, file)| file).collect()
    }

    fn encode_task(&self, task: Task, plan: QuantizerPlan, threads: NonZeroUsize) -> Result<EncodedFile, Error> {
        let rendition = &self.renditions[task.rendition];
        match task.format {
            OutputFormat::Avif => self.encode_avif(rendition, task.rendition, plan, threads),
            OutputFormat::Webp => self.encode_webp(rendition),
            OutputFormat::Jpeg => self.encode_jpeg(rendition),
        }
    }

    /// Returns how the quantizers of a format are chosen. High dynamic range is no obstacle for formats that do not have it.
    fn quality_mode(&self, format: OutputFormat) -> QualityMode {
        let animation = self.animation.as_ref().map(|_| SearchObstacle::Animation);
        match format {
            OutputFormat::Avif => self.quality,
            OutputFormat::Webp => QualityMode::new(self.recipe.quality, animation.or(self.search_obstacle)),
            OutputFormat::Jpeg => QualityMode::new(self.recipe.quality, self.search_obstacle),
        }
    }

    /// Returns the reason why a file was encoded without a search. If one of the reasons is the time, returns that one, because
    /// another conversion with more time may have a better result.
    fn reported_obstacle(&self, tasks: &[Task]) -> Option<SearchObstacle> {
        let obstacle = |task: &Task| match self.quality_mode(task.format) {
            QualityMode::Estimate(_, obstacle) => Some(obstacle),
            QualityMode::Search(_) | QualityMode::Fixed(_) => None,
        };
        let mut obstacles = tasks.iter().filter_map(obstacle);
        let first = obstacles.next()?;
        Some(if obstacles.any(|obstacle| obstacle == SearchObstacle::Time) { SearchObstacle::Time } else { first })
    }

    /// Returns a note if a file does not reach the target score.
    fn missed_target(&self, (width, height): (u32, u32), format: OutputFormat, score: Option<f32>) -> Option<String> {
        let QualityMode::Search(target) = self.quality_mode(format) else { return None };
        let score = score.filter(|score| *score < target.value())?;
        let of_format = match format {
            OutputFormat::Avif => String::new(),
            OutputFormat::Webp | OutputFormat::Jpeg => format!(" as {format}"),
        };
        Some(format!("the target score {target} was not reached at {width}x{height}{of_format}: the score is {score}"))
    }
}

impl EncodedFile {
    fn new(bytes: Vec<u8>, score: Option<f32>) -> Self {
        Self { bytes: bytes.into(), is_source: false, score, notes: vec![] }
    }
}

/// Returns a variant, with the file of its framing and format.
fn variant(id: VariantId, framing: Framing, files: &Files) -> Result<Variant, Error> {
    let Framing { size: (width, height), crop } = framing;
    let file = files.get(&(framing, id.format)).ok_or(Error::MissingVariant { id, width, height })?;
    let EncodedFile { bytes, is_source, score, .. } = file;
    Ok(Variant { id, width, height, crop, bytes: Arc::clone(bytes), is_source: *is_source, score: *score })
}

fn search_error(format: OutputFormat, (width, height): (u32, u32), error: SearchError) -> Error {
    match error {
        SearchError::Encode(source) => Error::encode(format, (width, height), source),
        SearchError::Compare(message) => Error::Planes { width, height, message },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variant_without_a_file_is_an_error() {
        let file = EncodedFile::new(vec![1], None);
        let (framing, missing) = (Framing::whole((100, 50)), Framing::whole((200, 100)));
        let files = HashMap::from([((framing, OutputFormat::Webp), file)]);
        let variant = |id: &str, framing| variant(id.parse().unwrap(), framing, &files);
        assert_eq!(variant("100.webp", framing).unwrap().bytes[..], [1]);
        for (id, framing) in [("100", framing), ("200.webp", missing)] {
            assert!(matches!(variant(id, framing), Err(Error::MissingVariant { .. })));
        }
    }
}

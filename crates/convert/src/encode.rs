use std::fmt;
use std::mem;
use std::num::NonZeroUsize;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use avif::{Quantizer, Settings, Step};
use model::{Depth, FixedQuality, Recipe, Score, Shape, Width};

use crate::search::{self, Curve, Failed, Found, Start};
use crate::sizes::size;
use crate::transform::{Aim, Rendition};
use crate::{Conversion, Error, TransformedImage};

/// One AVIF file.
#[derive(Debug, Clone)]
pub struct Variant {
    /// The width the recipe requested for.
    pub requested: Width,
    /// Pixels across: at most what was requested for, never more than the source has.
    pub width: u32,
    /// Pixels down.
    pub height: u32,
    /// The file. Widths beyond the source's share one.
    pub bytes: Arc<[u8]>,
    /// Whether the file is the source itself, which is an AVIF of that size already.
    pub is_source: bool,
    /// The SSIMULACRA2 score that it reached, where a search measured it.
    pub score: Option<f32>,
}

/// How files are to be made.
#[derive(Clone, Copy)]
enum How {
    Fixed(Quantizer),
    /// By the curve of the largest picture, which those of the others are near.
    Search {
        target: Score,
        largest: Curve,
    },
}

/// One encode.
struct File {
    bytes: Arc<[u8]>,
    /// SSIMULACRA2, where it was measured.
    score: Option<f32>,
}

/// What is put on top of a target that is guessed at: nine photographs of ten then reach it.
const SAFE: f32 = 5.0;

impl TransformedImage {
    /// Encodes the variants on up to `threads` threads.
    ///
    /// # Errors
    /// [`Error::Encode`] with what libavif reported.
    pub fn encode(mut self, recipe: &Recipe, threads: NonZeroUsize) -> Result<Conversion, Error> {
        let mut notes = mem::take(&mut self.notes);
        let how = self.how(recipe, threads, &mut notes)?;
        let files = self.files(how, recipe, threads)?;
        let shapes = self.renditions.iter().map(|rendition| rendition.picture.shape());
        let encoded = shapes.map(|shape| (shape.width, shape.height)).zip(files).map(|file| (file, false));
        let kept = self.kept.iter().map(|kept| {
            let file = File { bytes: Arc::clone(&kept.file), score: None };
            ((kept.size, file), true)
        });
        let files: Vec<_> = encoded.chain(kept).collect();
        let variants = recipe
            .widths
            .iter()
            .filter_map(|requested| {
                let wanted = size(self.source, requested);
                let ((size, File { bytes, score }), is_source) = files.iter().find(|((size, _), _)| *size == wanted)?;
                let (bytes, (width, height)) = (Arc::clone(bytes), *size);
                Some(Variant { requested, width, height, bytes, is_source: *is_source, score: *score })
            })
            .collect();
        let search_obstacle = match self.aim {
            // A source that is kept as it is leaves nothing to encode.
            Aim::Guess(_, why) if !self.renditions.is_empty() => Some(why),
            Aim::Guess(..) | Aim::Search(_) | Aim::Fixed(_) => None,
        };
        Ok(Conversion { variants, search_obstacle, notes })
    }

    /// One file for each picture. Two at a time with half the threads each beat one at a time with all of them, and
    /// the largest is begun first, so that nobody waits for it at the end.
    fn files(&self, how: How, recipe: &Recipe, threads: NonZeroUsize) -> Result<Vec<File>, Error> {
        let workers = threads.get().min(self.renditions.len()).clamp(1, 2);
        let share = NonZeroUsize::new(threads.get() / workers).unwrap_or(NonZeroUsize::MIN);
        let next = AtomicUsize::new(0);
        let work = || {
            let mut done = Vec::new();
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                if index >= self.renditions.len() {
                    return done;
                }
                done.push((index, self.file(index, how, &self.settings(recipe, share))));
            }
        };
        let mut done = thread::scope(|scope| {
            let beside: Vec<_> = (1..workers).map(|_| scope.spawn(work)).collect();
            let mut done = work();
            for worker in beside {
                done.extend(worker.join().unwrap_or_else(|panic| resume_unwind(panic)));
            }
            done
        });
        done.sort_unstable_by_key(|(index, _)| *index);
        done.into_iter().map(|(_, file)| file).collect()
    }

    /// How the files are to be made. What a search starts from is learnt of the largest picture, before there are two at
    /// work, so that it does not depend on which is faster; where it is smaller at 10 bits, they all are.
    fn how(&mut self, recipe: &Recipe, threads: NonZeroUsize, notes: &mut Vec<String>) -> Result<How, Error> {
        let depth = self.renditions.first().map_or(Depth::Eight, |largest| largest.picture.shape().depth);
        let typical = Curve::typical(self.content, depth);
        let guess = |target: Score, why: &dyn fmt::Display, notes: &mut Vec<String>| {
            let quantizer = typical.quantizer(target.value() + SAFE, Step::Whole);
            let quality = quantizer.quality();
            notes.push(format!("quality {quality} was set, not searched for by visual:{target}: {why}"));
            How::Fixed(quantizer)
        };
        match (self.aim, self.renditions.first()) {
            (Aim::Search(target), Some(largest)) => {
                let Rendition { picture, reference, .. } = largest;
                let settings = self.settings(recipe, threads);
                match search::begin(picture, reference.as_ref(), typical, target, &settings) {
                    Ok(Start { curve: largest, deeper }) => {
                        if deeper {
                            self.renditions.iter_mut().try_for_each(Rendition::deepen)?;
                        }
                        Ok(How::Search { target, largest })
                    }
                    Err(Failed::Compare(why)) => Ok(guess(target, &why, notes)),
                    Err(failed) => Err(missed(picture.shape(), failed)),
                }
            }
            (Aim::Guess(target, why), Some(_)) => Ok(guess(target, &why, notes)),
            (Aim::Fixed(quality), _) => Ok(How::Fixed(quality.into())),
            // A source that is kept as it is leaves nothing to encode.
            (Aim::Search(_) | Aim::Guess(..), None) => Ok(How::Fixed(FixedQuality::default().into())),
        }
    }

    fn file(&self, index: usize, how: How, settings: &Settings) -> Result<File, Error> {
        let Rendition { picture, reference, attached } = &self.renditions[index];
        let reference = reference.as_ref();
        let file = match how {
            How::Fixed(quantizer) => {
                let settings = Settings { quantizer, ..*settings };
                let bytes = match &self.moving {
                    Some(moving) => moving.encode(picture, self.style, attached, &settings)?,
                    None => {
                        avif::encode(picture, attached, &settings).map_err(|source| failed(picture.shape(), source))?
                    }
                };
                return Ok(File { bytes: bytes.into(), score: None });
            }
            How::Search { target, largest } => {
                let curve =
                    if index == 0 { Ok(largest) } else { search::look(picture, reference, largest, target, settings) };
                let found = curve.and_then(|curve| search::find(picture, reference, curve, target, attached, settings));
                found.map(|Found { file, score }| File { bytes: file.into(), score: Some(score) })
            }
        };
        file.map_err(|failed| missed(picture.shape(), failed))
    }

    /// The quantizer is still to be set.
    fn settings(&self, recipe: &Recipe, threads: NonZeroUsize) -> Settings {
        let quantizer = FixedQuality::default().into();
        Settings { quantizer, speed: recipe.speed, content: self.content, threads }
    }
}

fn missed(shape: Shape, failed: Failed) -> Error {
    match failed {
        Failed::Encode(source) => self::failed(shape, source),
        Failed::Compare(message) => Error::Planes { width: shape.width, height: shape.height, message },
    }
}

pub(crate) fn failed(Shape { width, height, .. }: Shape, source: avif::Error) -> Error {
    Error::Encode { width, height, source }
}

use std::num::NonZeroUsize;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use avif::Settings;
use model::{Picture, Quality, Recipe, Shape, Width};

use crate::open::size;
use crate::planes::Style;
use crate::{Conversion, Error, Transformed};

/// One AVIF file.
#[derive(Debug, Clone)]
pub struct Variant {
    /// The width the recipe asked for.
    pub asked: Width,
    /// Pixels across: at most what was asked for, never more than the source has.
    pub width: u32,
    /// Pixels down.
    pub height: u32,
    /// The file. Widths beyond the source's share one.
    pub bytes: Arc<[u8]>,
    /// Whether the file is the source itself, which is an AVIF of that size already.
    pub kept: bool,
}

impl Transformed {
    /// Encodes the variants on up to `threads` threads.
    ///
    /// # Errors
    /// [`Error::Encode`] with what libavif reported.
    pub fn encode(self, recipe: &Recipe, threads: NonZeroUsize) -> Result<Conversion, Error> {
        let files = self.files(recipe, threads)?;
        let shapes = self.pictures.iter().map(Picture::shape);
        let encoded = shapes.map(|shape| (shape.width, shape.height)).zip(files).map(|file| (file, false));
        let kept = self.kept.iter().map(|kept| ((kept.size, Arc::clone(&kept.file)), true));
        let files: Vec<_> = encoded.chain(kept).collect();
        let variants = recipe
            .widths
            .iter()
            .filter_map(|asked| {
                let wanted = size(self.source, asked);
                let ((size, bytes), kept) = files.iter().find(|((size, _), _)| *size == wanted)?;
                Some(Variant { asked, width: size.0, height: size.1, bytes: Arc::clone(bytes), kept: *kept })
            })
            .collect();
        Ok(Conversion { variants, notes: self.notes })
    }

    /// One file for each picture. Two at a time with half the threads each beat one at a time with all of them, and
    /// the largest is begun first, so that nobody waits for it at the end.
    fn files(&self, recipe: &Recipe, threads: NonZeroUsize) -> Result<Vec<Arc<[u8]>>, Error> {
        let workers = threads.get().min(self.pictures.len()).clamp(1, 2);
        let threads = NonZeroUsize::new(threads.get() / workers).unwrap_or(NonZeroUsize::MIN);
        let next = AtomicUsize::new(0);
        let work = || {
            let mut done = Vec::new();
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                let Some(picture) = self.pictures.get(index) else { return done };
                done.push((index, self.file(picture, recipe, threads)));
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

    fn file(&self, picture: &Picture, recipe: &Recipe, threads: NonZeroUsize) -> Result<Arc<[u8]>, Error> {
        // A measured target becomes a second arm here, around the same call.
        let Quality::Fixed(quality) = recipe.quality;
        let settings = Settings { quality, speed: recipe.speed, content: self.content, threads };
        let file = match &self.moving {
            Some(moving) => {
                let style = Style { content: self.content, lossless: quality.is_lossless() };
                moving.encode(picture, style, &self.attached, &settings)?
            }
            None => {
                avif::encode(picture, &self.attached, &settings).map_err(|source| failed(picture.shape(), source))?
            }
        };
        Ok(file.into())
    }
}

pub(crate) fn failed(Shape { width, height, .. }: Shape, source: avif::Error) -> Error {
    Error::Encode { width, height, source }
}

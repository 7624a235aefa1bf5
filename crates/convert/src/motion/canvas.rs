//! Frames are often no more than what changed. GIF, APNG and WebP all draw them onto a canvas by the same few rules.

use image::RgbaImage;

/// One frame as it is stored.
pub(crate) struct Part {
    pub(crate) left: u32,
    pub(crate) top: u32,
    pub(crate) pixels: RgbaImage,
    pub(crate) blend: Blend,
    pub(crate) disposal: Disposal,
}

/// How a part comes onto the canvas.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Blend {
    /// In place of what is there, alpha included.
    Replace,
    /// Over what is there.
    Over,
}

/// What becomes of a part's area before the next one is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Disposal {
    Keep,
    /// It becomes transparent. The formats name a background color, and browsers take none of them at their word.
    Clear,
    /// It becomes what it was before the part was drawn.
    Restore,
}

/// What is seen, and what has to be done to it before the next part is drawn.
pub(crate) struct Canvas {
    seen: RgbaImage,
    undo: Undo,
}

enum Undo {
    Nothing,
    Clear(Area),
    Restore(RgbaImage),
}

/// Rows and columns of the canvas; a GIF's parts may reach beyond it.
#[derive(Clone, Copy)]
struct Area {
    left: usize,
    top: usize,
    width: usize,
    height: usize,
}

type Pixel = [u8; 4];

/// Nothing is seen, and so it has no color, which would cost bytes.
const CLEAR: Pixel = [0; 4];

impl Canvas {
    /// A transparent one.
    pub(crate) fn new((width, height): (u32, u32)) -> Self {
        Self { seen: RgbaImage::new(width, height), undo: Undo::Nothing }
    }

    /// Draws the next part: the whole picture that is seen then.
    pub(crate) fn draw(&mut self, part: &Part) -> &RgbaImage {
        match std::mem::replace(&mut self.undo, Undo::Nothing) {
            Undo::Nothing => {}
            Undo::Clear(area) => self.rows(area).for_each(|row| row.fill(CLEAR)),
            Undo::Restore(before) => self.seen = before,
        }
        let area = self.area(part);
        self.undo = match part.disposal {
            Disposal::Keep => Undo::Nothing,
            Disposal::Clear => Undo::Clear(area),
            Disposal::Restore => Undo::Restore(self.seen.clone()),
        };
        let drawn = part.pixels.as_raw().as_chunks().0.chunks_exact(part.pixels.width().max(1) as usize);
        for (row, drawn) in self.rows(area).zip(drawn) {
            match part.blend {
                Blend::Replace => row.iter_mut().zip(drawn).for_each(|(pixel, drawn)| *pixel = over(*drawn, CLEAR)),
                Blend::Over => row.iter_mut().zip(drawn).for_each(|(pixel, drawn)| *pixel = over(*drawn, *pixel)),
            }
        }
        &self.seen
    }

    fn area(&self, part: &Part) -> Area {
        let (left, top) = (part.left.min(self.seen.width()), part.top.min(self.seen.height()));
        Area {
            left: left as usize,
            top: top as usize,
            width: part.pixels.width().min(self.seen.width() - left) as usize,
            height: part.pixels.height().min(self.seen.height() - top) as usize,
        }
    }

    fn rows(&mut self, Area { left, top, width, height }: Area) -> impl Iterator<Item = &mut [Pixel]> {
        let across = self.seen.width() as usize;
        let rows = self.seen.as_chunks_mut().0.chunks_exact_mut(across);
        rows.skip(top).take(height).map(move |row| &mut row[left..left + width])
    }
}

/// One pixel over another, neither multiplied by its alpha (Porter and Duff, "Compositing Digital Images", 1984).
fn over(front: Pixel, back: Pixel) -> Pixel {
    match (front[3], back[3]) {
        (0, 0) => CLEAR,
        (255, _) | (_, 0) => front,
        (0, _) => back,
        (alpha, behind) => {
            // In 255ths of 255ths: what the front hides, and what is left for the back.
            let (front_share, back_share) = (u32::from(alpha) * 255, u32::from(behind) * (255 - u32::from(alpha)));
            let total = front_share + back_share;
            let mix = |front: u8, back: u8| {
                let sum = u32::from(front) * front_share + u32::from(back) * back_share;
                u8::try_from((sum + total / 2) / total).unwrap_or(u8::MAX)
            };
            let opacity = u8::try_from((total + 127) / 255).unwrap_or(u8::MAX);
            [mix(front[0], back[0]), mix(front[1], back[1]), mix(front[2], back[2]), opacity]
        }
    }
}

#[cfg(test)]
mod tests {
    use image::Rgba;

    use super::*;

    const RED: Pixel = [255, 0, 0, 255];
    const BLUE: Pixel = [0, 0, 255, 255];

    fn part(left: u32, width: u32, color: Pixel, blend: Blend, disposal: Disposal) -> Part {
        Part { left, top: 0, pixels: RgbaImage::from_pixel(width, 1, Rgba(color)), blend, disposal }
    }

    fn seen(parts: &[Part]) -> Vec<Vec<Pixel>> {
        let mut canvas = Canvas::new((3, 1));
        parts.iter().map(|part| canvas.draw(part).pixels().map(|pixel| pixel.0).collect()).collect()
    }

    #[test]
    fn what_was_drawn_is_kept_cleared_or_taken_back() {
        for (disposal, then) in [(Disposal::Keep, BLUE), (Disposal::Clear, CLEAR), (Disposal::Restore, RED)] {
            let parts = [
                part(0, 3, RED, Blend::Over, Disposal::Keep),
                part(0, 2, BLUE, Blend::Over, disposal),
                part(2, 1, BLUE, Blend::Over, Disposal::Keep),
            ];
            assert_eq!(seen(&parts), [[RED, RED, RED], [BLUE, BLUE, RED], [then, then, BLUE]], "{disposal:?}");
        }
    }

    #[test]
    fn what_is_taken_back_is_what_was_there_after_clearing() {
        let parts = [
            part(0, 3, RED, Blend::Over, Disposal::Clear),
            part(0, 2, BLUE, Blend::Over, Disposal::Restore),
            part(2, 1, BLUE, Blend::Over, Disposal::Keep),
        ];
        assert_eq!(seen(&parts)[1..], [[BLUE, BLUE, CLEAR], [CLEAR, CLEAR, BLUE]]);
    }

    #[test]
    fn a_part_goes_over_what_is_there_or_replaces_it() {
        let half = [0, 0, 255, 128];
        for (blend, then) in [(Blend::Over, [127, 0, 128, 255]), (Blend::Replace, half)] {
            let parts = [part(0, 3, RED, Blend::Replace, Disposal::Keep), part(0, 3, half, blend, Disposal::Keep)];
            assert_eq!(seen(&parts)[1], [then; 3]);
        }
        assert_eq!((over([9, 9, 9, 0], half), over([9, 9, 9, 0], [8, 8, 8, 0])), (half, CLEAR));
        assert_eq!(over([0, 0, 255, 128], [255, 0, 0, 128])[3], 192);
    }

    #[test]
    fn a_part_beyond_the_canvas_is_cut_off() {
        assert_eq!(seen(&[part(2, 5, RED, Blend::Over, Disposal::Clear)]), [[CLEAR, CLEAR, RED]]);
        assert_eq!(seen(&[part(9, 5, RED, Blend::Replace, Disposal::Restore)]), [[CLEAR; 3]]);
    }
}

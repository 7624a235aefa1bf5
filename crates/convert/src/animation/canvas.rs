//! Draws the stored frames of an animation onto a canvas. A stored frame often contains only the pixels that changed
//! since the previous frame. The rules for drawing a frame are the same in GIF, APNG and WebP.

use image::RgbaImage;

/// A frame as it is stored in the file.
pub(crate) struct StoredFrame {
    pub(crate) left: u32,
    pub(crate) top: u32,
    pub(crate) pixels: RgbaImage,
    pub(crate) blend: BlendMode,
    pub(crate) disposal: FrameDisposal,
}

/// How a frame is drawn onto the canvas.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BlendMode {
    /// The frame replaces the pixels of the canvas, including alpha.
    Source,
    /// The frame is alpha-composited over the canvas.
    Over,
}

/// What happens to the area of a frame before the next frame is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FrameDisposal {
    Keep,
    /// The area becomes transparent. The formats define a background color, but browsers ignore it.
    Background,
    /// The canvas returns to its state before the frame was drawn.
    Previous,
}

/// The visible pixels, and the disposal that must be applied before the next frame is drawn.
pub(crate) struct Canvas {
    pixels: RgbaImage,
    pending: PendingDisposal,
}

enum PendingDisposal {
    None,
    MakeTransparent(Area),
    Restore(RgbaImage),
}

/// The part of the canvas that a frame covers. A frame of a GIF may extend beyond the canvas.
#[derive(Clone, Copy)]
struct Area {
    left: usize,
    top: usize,
    width: usize,
    height: usize,
}

type Pixel = [u8; 4];

/// A transparent pixel. Its color is always black, because other colors would make the file larger.
const TRANSPARENT: Pixel = [0; 4];

impl Canvas {
    /// Creates a transparent canvas.
    pub(crate) fn new((width, height): (u32, u32)) -> Self {
        Self { pixels: RgbaImage::new(width, height), pending: PendingDisposal::None }
    }

    /// Returns the visible image.
    pub(crate) fn into_pixels(self) -> RgbaImage {
        self.pixels
    }

    /// Draws the next frame. Returns the whole visible image.
    pub(crate) fn draw(&mut self, frame: &StoredFrame) -> &RgbaImage {
        match std::mem::replace(&mut self.pending, PendingDisposal::None) {
            PendingDisposal::None => {}
            PendingDisposal::MakeTransparent(area) => self.rows(area).for_each(|row| row.fill(TRANSPARENT)),
            PendingDisposal::Restore(before) => self.pixels = before,
        }
        let area = self.area(frame);
        self.pending = match frame.disposal {
            FrameDisposal::Keep => PendingDisposal::None,
            FrameDisposal::Background => PendingDisposal::MakeTransparent(area),
            FrameDisposal::Previous => PendingDisposal::Restore(self.pixels.clone()),
        };
        let frame_rows = frame.pixels.as_raw().as_chunks().0.chunks_exact(frame.pixels.width().max(1) as usize);
        for (row, frame_row) in self.rows(area).zip(frame_rows) {
            for (pixel, source) in row.iter_mut().zip(frame_row) {
                let back = match frame.blend {
                    BlendMode::Source => TRANSPARENT,
                    BlendMode::Over => *pixel,
                };
                *pixel = composite(*source, back);
            }
        }
        &self.pixels
    }

    fn area(&self, frame: &StoredFrame) -> Area {
        let (left, top) = (frame.left.min(self.pixels.width()), frame.top.min(self.pixels.height()));
        Area {
            left: left as usize,
            top: top as usize,
            width: frame.pixels.width().min(self.pixels.width() - left) as usize,
            height: frame.pixels.height().min(self.pixels.height() - top) as usize,
        }
    }

    fn rows(&mut self, Area { left, top, width, height }: Area) -> impl Iterator<Item = &mut [Pixel]> {
        let canvas_width = self.pixels.width() as usize;
        let rows = self.pixels.as_chunks_mut().0.chunks_exact_mut(canvas_width);
        rows.skip(top).take(height).map(move |row| &mut row[left..left + width])
    }
}

/// Composites one pixel over another. The colors of both pixels are not premultiplied by alpha (Porter and Duff,
/// "Compositing Digital Images", 1984).
fn composite(front: Pixel, back: Pixel) -> Pixel {
    match (front[3], back[3]) {
        (0, 0) => TRANSPARENT,
        (255, _) | (_, 0) => front,
        (0, _) => back,
        (alpha, back_alpha) => {
            // The weights of the front pixel and of the back pixel in the result, in units of 1/255².
            let (front_share, back_share) = (u32::from(alpha) * 255, u32::from(back_alpha) * (255 - u32::from(alpha)));
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

    fn stored_frame(left: u32, width: u32, color: Pixel, blend: BlendMode, disposal: FrameDisposal) -> StoredFrame {
        StoredFrame { left, top: 0, pixels: RgbaImage::from_pixel(width, 1, Rgba(color)), blend, disposal }
    }

    fn draw_all(frames: &[StoredFrame]) -> Vec<Vec<Pixel>> {
        let mut canvas = Canvas::new((3, 1));
        frames.iter().map(|frame| canvas.draw(frame).pixels().map(|pixel| pixel.0).collect()).collect()
    }

    #[test]
    fn frame_is_disposed_before_the_next_frame_is_drawn() {
        for (disposal, then) in
            [(FrameDisposal::Keep, BLUE), (FrameDisposal::Background, TRANSPARENT), (FrameDisposal::Previous, RED)]
        {
            let frames = [
                stored_frame(0, 3, RED, BlendMode::Over, FrameDisposal::Keep),
                stored_frame(0, 2, BLUE, BlendMode::Over, disposal),
                stored_frame(2, 1, BLUE, BlendMode::Over, FrameDisposal::Keep),
            ];
            assert_eq!(draw_all(&frames), [[RED, RED, RED], [BLUE, BLUE, RED], [then, then, BLUE]], "{disposal:?}");
        }
    }

    #[test]
    fn previous_disposal_restores_the_canvas_after_earlier_disposals() {
        let frames = [
            stored_frame(0, 3, RED, BlendMode::Over, FrameDisposal::Background),
            stored_frame(0, 2, BLUE, BlendMode::Over, FrameDisposal::Previous),
            stored_frame(2, 1, BLUE, BlendMode::Over, FrameDisposal::Keep),
        ];
        assert_eq!(draw_all(&frames)[1..], [[BLUE, BLUE, TRANSPARENT], [TRANSPARENT, TRANSPARENT, BLUE]]);
    }

    #[test]
    fn over_mode_composites_a_frame_and_source_mode_replaces_the_canvas() {
        let half = [0, 0, 255, 128];
        for (blend, then) in [(BlendMode::Over, [127, 0, 128, 255]), (BlendMode::Source, half)] {
            let frames = [
                stored_frame(0, 3, RED, BlendMode::Source, FrameDisposal::Keep),
                stored_frame(0, 3, half, blend, FrameDisposal::Keep),
            ];
            assert_eq!(draw_all(&frames)[1], [then; 3]);
        }
        assert_eq!((composite([9, 9, 9, 0], half), composite([9, 9, 9, 0], [8, 8, 8, 0])), (half, TRANSPARENT));
        assert_eq!(composite([0, 0, 255, 128], [255, 0, 0, 128])[3], 192);
    }

    #[test]
    fn frame_is_cropped_to_the_canvas() {
        assert_eq!(
            draw_all(&[stored_frame(2, 5, RED, BlendMode::Over, FrameDisposal::Background)]),
            [[TRANSPARENT, TRANSPARENT, RED]]
        );
        assert_eq!(
            draw_all(&[stored_frame(9, 5, RED, BlendMode::Source, FrameDisposal::Previous)]),
            [[TRANSPARENT; 3]]
        );
    }
}

//! Converts planes to interleaved RGB.

use std::mem::MaybeUninit;

use super::image::Image;
use super::result::check;
use super::sys;
use crate::error::Error;
use crate::file::Pixels;

impl Image<'_> {
    /// Marks the colors as multiplied by alpha.
    pub(crate) fn set_premultiplied(&mut self) {
        self.fields().alphaPremultiplied = 1;
    }

    /// Converts to RGB, or to RGBA if the image has alpha. The resulting colors are not multiplied by alpha. The result
    /// of an 8-bit image has 8 bits per sample. The result of an image with more bits has 16 bits per sample.
    pub(crate) fn to_pixels(&self) -> Result<Pixels, Error> {
        // SAFETY: the object is alive until drop.
        let image = unsafe { self.raw.as_ref() };
        let mut rgb = MaybeUninit::uninit();
        // SAFETY: the function reads the image, which is alive, and initializes every field of `rgb`.
        unsafe { sys::avifRGBImageSetDefaults(rgb.as_mut_ptr(), image) };
        // SAFETY: the call above initialized `rgb`.
        let mut rgb: sys::avifRGBImage = unsafe { rgb.assume_init() };
        let (format, channels) =
            if image.alphaPlane.is_null() { (sys::AVIF_RGB_FORMAT_RGB, 3) } else { (sys::AVIF_RGB_FORMAT_RGBA, 4) };
        rgb.format = format;
        let row = image.width * channels;
        let samples = row as usize * image.height as usize;
        let (mut eight, mut sixteen) = (vec![], vec![]);
        if image.depth == 8 {
            eight.resize(samples, 0_u8);
            (rgb.depth, rgb.rowBytes, rgb.pixels) = (8, row, eight.as_mut_ptr());
        } else {
            sixteen.resize(samples, 0_u16);
            (rgb.depth, rgb.rowBytes, rgb.pixels) = (16, 2 * row, sixteen.as_mut_ptr().cast());
        }
        // SAFETY: image and pixels are alive, and the pixels have the number and length of rows set above.
        let result = unsafe { sys::avifImageYUVToRGB(self.raw.as_ptr(), &raw mut rgb) };
        check("avifImageYUVToRGB", result)?;
        Ok(if image.depth == 8 { Pixels::Eight(eight) } else { Pixels::Sixteen(sixteen) })
    }
}

//! Planes to interleaved RGB.

use std::mem::MaybeUninit;

use super::{Image, check, sys};
use crate::{Error, Pixels};

impl Image<'_> {
    /// Says that the colors were multiplied by their alpha.
    pub(crate) fn set_premultiplied(&mut self) {
        self.fields().alphaPremultiplied = 1;
    }

    /// RGB, or RGBA where there is alpha, never multiplied by it: in 8 bits or, of deeper images, in 16.
    pub(crate) fn pixels(&self) -> Result<Pixels, Error> {
        // SAFETY: the object is alive until drop.
        let image = unsafe { self.raw.as_ref() };
        let mut rgb = MaybeUninit::uninit();
        // SAFETY: the function reads the image, which is alive, and fills in every field of the other.
        unsafe { sys::avifRGBImageSetDefaults(rgb.as_mut_ptr(), image) };
        // SAFETY: it was filled in just now.
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
        // SAFETY: image and pixels are alive, and the pixels have the rows that the fields above tell of.
        let result = unsafe { sys::avifImageYUVToRGB(self.raw.as_ptr(), &raw mut rgb) };
        check("avifImageYUVToRGB", result)?;
        Ok(if image.depth == 8 { Pixels::Eight(eight) } else { Pixels::Sixteen(sixteen) })
    }
}

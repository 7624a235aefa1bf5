use std::ffi::{CStr, c_char, c_uint};
use std::marker::PhantomData;
use std::ptr::{NonNull, null};

use super::sys;
use crate::decoded::{Damage, Decoded, Intact, Samples};
use crate::error::Error;
use crate::header::{ColorSpace, Header, Sampling};
use crate::options::Output;

/// Owns a `jpeg_reader`.
struct Handle {
    raw: NonNull<sys::JpegReader>,
}

/// A file whose header was read.
pub(crate) struct Reader<'bytes> {
    handle: Handle,
    file: PhantomData<&'bytes [u8]>,
}

/// A file whose scans were read if it has several.
pub(crate) struct StartedReader<'bytes> {
    reader: Reader<'bytes>,
    layout: sys::Layout,
}

impl<'bytes> Reader<'bytes> {
    /// Reads a file up to its first scan.
    pub(crate) fn open(file: &'bytes [u8], tables: Option<&[u8]>) -> Result<(Self, Header), Error> {
        // SAFETY: the function takes no arguments. The result is checked for null.
        let raw = NonNull::new(unsafe { sys::jpeg_reader_new() });
        let handle = Handle { raw: raw.ok_or(Error::OutOfMemory)? };
        let mut header = sys::Header::default();
        let (tables, tables_size) = tables.map_or((null(), 0), |tables| (tables.as_ptr(), tables.len()));
        // SAFETY: the reader is alive. The lifetime of `Reader` ensures that the file stays valid until drop, and the
        // tables are used only during the call. Both pointers are valid for their sizes. The header is writable.
        let status = unsafe {
            sys::jpeg_reader_read_header(
                handle.raw.as_ptr(),
                tables,
                tables_size,
                file.as_ptr(),
                file.len(),
                &raw mut header,
            )
        };
        handle.check(status, 0)?;
        Ok((Self { handle, file: PhantomData }, describe(&header)?))
    }

    /// Prepares the decoder for an output, and reads all scans of a file with several scans.
    pub(crate) fn start(
        self,
        color_space: ColorSpace,
        output: Output,
        max_scans: u32,
    ) -> Result<StartedReader<'bytes>, Error> {
        let output = match output {
            Output::Planes => sys::PLANES,
            Output::Pixels => sys::PIXELS,
            Output::HalfPixels => sys::HALF_PIXELS,
        };
        let raw = self.handle.raw.as_ptr();
        let mut layout = sys::Layout::default();
        // SAFETY: the reader is alive and has read the header. The layout is writable.
        let status = unsafe { sys::jpeg_reader_start(raw, color_space_number(color_space), output, &raw mut layout) };
        self.handle.check(status, 0)?;
        // SAFETY: the reader is alive and was started.
        let status = unsafe { sys::jpeg_reader_read_scans(raw, max_scans) };
        self.handle.check(status, max_scans)?;
        Ok(StartedReader { reader: self, layout })
    }
}

impl StartedReader<'_> {
    /// Reads the samples. `has_several_scans` is a part of the header.
    pub(crate) fn read(self, has_several_scans: bool) -> Result<Decoded, Error> {
        let has_planes = self.layout.channels == 0;
        let samples =
            if has_planes { Samples::Planes(self.read_planes()?) } else { Samples::Pixels(self.read_pixels()?) };
        let damage = self.reader.handle.damage(has_several_scans);
        Ok(Decoded { width: self.layout.width, height: self.layout.height, samples, damage })
    }

    fn read_pixels(&self) -> Result<Vec<u8>, Error> {
        let handle = &self.reader.handle;
        let row = self.layout.width as usize * self.layout.channels as usize;
        let mut pixels = vec![0; row * self.layout.height as usize];
        // SAFETY: the reader is alive and has read all scans. The buffer has the length that the layout requires.
        let status = unsafe { sys::jpeg_reader_read_pixels(handle.raw.as_ptr(), pixels.as_mut_ptr()) };
        handle.check(status, 0)?;
        Ok(pixels)
    }

    fn read_planes(&self) -> Result<[Vec<u8>; 3], Error> {
        let (handle, layout) = (&self.reader.handle, &self.layout);
        // Samples that a damaged file lacks are gray.
        let buffer = |plane: usize| vec![128; layout.strides[plane] as usize * layout.rows[plane] as usize];
        let mut planes = [buffer(0), buffer(1), buffer(2)];
        let [y, cb, cr] = planes.each_mut().map(Vec::as_mut_ptr);
        // SAFETY: the reader is alive and has read all scans. The buffers have the lengths that the layout requires.
        let status = unsafe { sys::jpeg_reader_read_planes(handle.raw.as_ptr(), y, cb, cr) };
        handle.check(status, 0)?;
        let half = (layout.width.div_ceil(2), layout.height.div_ceil(2));
        let sizes = [(layout.width, layout.height), half, half];
        for (plane, (size, stride)) in planes.iter_mut().zip(sizes.into_iter().zip(layout.strides)) {
            crop(plane, stride as usize, size);
        }
        Ok(planes)
    }
}

impl Handle {
    /// Returns the first damage.
    fn damage(&self, has_several_scans: bool) -> Option<Damage> {
        // SAFETY: the reader is alive.
        let damage = unsafe { sys::jpeg_reader_damage(self.raw.as_ptr()) };
        if damage.is_damaged == 0 {
            return None;
        }
        // SAFETY: the reader is alive.
        let message = unsafe { sys::jpeg_reader_damage_message(self.raw.as_ptr()) };
        let intact = if has_several_scans { Intact::Scans(damage.scans) } else { Intact::Rows(damage.rows) };
        Some(Damage { message: text(message), intact })
    }

    /// Converts a status to an error.
    fn check(&self, status: c_uint, max_scans: u32) -> Result<(), Error> {
        if status == sys::OK {
            return Ok(());
        }
        // SAFETY: the reader is alive.
        let message = text(unsafe { sys::jpeg_reader_message(self.raw.as_ptr()) });
        Err(match status {
            sys::UNSUPPORTED => Error::Unsupported(message),
            sys::OUT_OF_MEMORY => Error::OutOfMemory,
            sys::TOO_MANY_SCANS => Error::TooManyScans { limit: max_scans },
            _ => Error::Invalid(message),
        })
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        // SAFETY: the object was created by jpeg_reader_new and is freed only here.
        unsafe { sys::jpeg_reader_free(self.raw.as_ptr()) };
    }
}

fn describe(header: &sys::Header) -> Result<Header, Error> {
    if header.precision != 8 {
        return Err(Error::UnsupportedPrecision(header.precision));
    }
    let color_space = color_space(header.color_space).ok_or(Error::UnsupportedComponents(header.components))?;
    let factors: Vec<_> = header.horizontal.into_iter().zip(header.vertical).collect();
    Ok(Header {
        width: header.width,
        height: header.height,
        color_space,
        sampling: Sampling::from_factors(&factors[..color_space.components() as usize]),
        is_progressive: header.is_progressive != 0,
        is_lossless: header.is_lossless != 0,
        has_several_scans: header.has_several_scans != 0,
        working_bytes: header.working_bytes,
    })
}

/// Converts a `J_COLOR_SPACE` of `jpeglib.h`. libjpeg chooses it by the number of components.
fn color_space(number: u32) -> Option<ColorSpace> {
    use ColorSpace::{Cmyk, Gray, Rgb, YCbCr, Ycck};
    [Gray, Rgb, YCbCr, Cmyk, Ycck].into_iter().find(|color_space| color_space_number(*color_space) == number)
}

fn color_space_number(color_space: ColorSpace) -> u32 {
    match color_space {
        ColorSpace::Gray => 1,
        ColorSpace::Rgb => 2,
        ColorSpace::YCbCr => 3,
        ColorSpace::Cmyk => 4,
        ColorSpace::Ycck => 5,
    }
}

/// Removes the columns and rows after the image.
fn crop(plane: &mut Vec<u8>, stride: usize, (width, height): (u32, u32)) {
    let (width, height) = (width as usize, height as usize);
    if width < stride {
        for row in 1..height {
            plane.copy_within(row * stride..row * stride + width, row * width);
        }
    }
    plane.truncate(width * height);
}

/// Copies a string of a `jpeg_reader`.
fn text(string: *const c_char) -> String {
    // SAFETY: the C code returns NUL-terminated strings that are valid until the next call.
    unsafe { CStr::from_ptr(string) }.to_string_lossy().into_owned()
}

//! The declarations of `native/reader.h`, which describes them.

use std::ffi::{c_char, c_uint};

// Links libjpeg-turbo, which the functions below call.
use turbojpeg_sys as _;

/// An opaque C object.
#[repr(C)]
pub(super) struct JpegReader {
    private: [u8; 0],
}

pub(super) const OK: c_uint = 0;
pub(super) const UNSUPPORTED: c_uint = 2;
pub(super) const OUT_OF_MEMORY: c_uint = 3;
pub(super) const TOO_MANY_SCANS: c_uint = 4;

pub(super) const PIXELS: c_uint = 0;
pub(super) const HALF_PIXELS: c_uint = 1;
pub(super) const PLANES: c_uint = 2;

pub(super) const COMPONENTS: usize = 4;

#[repr(C)]
#[derive(Default)]
pub(super) struct Header {
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) components: u32,
    pub(super) precision: u32,
    pub(super) color_space: u32,
    pub(super) is_progressive: u32,
    pub(super) is_lossless: u32,
    pub(super) has_several_scans: u32,
    pub(super) horizontal: [u32; COMPONENTS],
    pub(super) vertical: [u32; COMPONENTS],
    pub(super) working_bytes: u64,
}

#[repr(C)]
#[derive(Default)]
pub(super) struct Layout {
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) channels: u32,
    pub(super) strides: [u32; 3],
    pub(super) rows: [u32; 3],
}

#[repr(C)]
pub(super) struct Damage {
    pub(super) is_damaged: u32,
    pub(super) rows: u32,
    pub(super) scans: u32,
}

unsafe extern "C" {
    pub(super) fn jpeg_reader_new() -> *mut JpegReader;
    pub(super) fn jpeg_reader_free(reader: *mut JpegReader);
    pub(super) fn jpeg_reader_read_header(
        reader: *mut JpegReader,
        tables: *const u8,
        tables_size: usize,
        file: *const u8,
        file_size: usize,
        header: *mut Header,
    ) -> c_uint;
    pub(super) fn jpeg_reader_start(
        reader: *mut JpegReader,
        color_space: u32,
        output: c_uint,
        layout: *mut Layout,
    ) -> c_uint;
    pub(super) fn jpeg_reader_read_scans(reader: *mut JpegReader, max_scans: u32) -> c_uint;
    pub(super) fn jpeg_reader_read_pixels(reader: *mut JpegReader, pixels: *mut u8) -> c_uint;
    pub(super) fn jpeg_reader_read_planes(reader: *mut JpegReader, y: *mut u8, cb: *mut u8, cr: *mut u8) -> c_uint;
    pub(super) fn jpeg_reader_message(reader: *const JpegReader) -> *const c_char;
    pub(super) fn jpeg_reader_damage(reader: *const JpegReader) -> Damage;
    pub(super) fn jpeg_reader_damage_message(reader: *const JpegReader) -> *const c_char;
}

//! The names of values that are not supported, for error messages.

/// Returns the name of a compression (`Compression`, 259). The numbers are from TIFF 6.0, its technical notes and
/// libtiff's `tiff.h`.
pub(super) fn compression_name(value: u16) -> &'static str {
    match value {
        6 => "old-style JPEG",
        9 | 10 | 34_661 => "JBIG",
        32_766 => "NeXT",
        32_771 => "CCITT RLE with rows of whole words",
        32_809 => "ThunderScan",
        32_908 => "PixarFilm",
        32_909 => "PixarLog",
        33_003 | 33_005 | 34_712 => "JPEG 2000",
        34_676 | 34_677 => "SGI Log",
        34_713 => "Nikon NEF",
        34_887 => "LERC",
        34_892 => "lossy JPEG of DNG",
        50_001 => "WebP",
        50_002 | 52_546 => "JPEG XL",
        _ => "unknown",
    }
}

/// Returns the name of a color space (`PhotometricInterpretation`, 262). The numbers are from TIFF 6.0, TIFF/EP, DNG and
/// libtiff's `tiff.h`.
pub(super) fn photometric_name(value: u16) -> &'static str {
    match value {
        4 => "a transparency mask",
        10 => "ITU Lab",
        32_803 => "those of a color filter array",
        32_844 => "LogL",
        32_845 => "LogLuv",
        34_892 => "linear raw colors",
        51_177 => "depths",
        52_527 => "a semantic mask",
        _ => "colors in an unknown color space",
    }
}

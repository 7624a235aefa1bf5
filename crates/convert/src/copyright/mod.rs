//! The metadata that [`Metadata::Copyright`](model::Metadata::Copyright) keeps: creator, copyright notice, credit and usage
//! terms.
//!
//! ```text
//! Exif       -> ExifFields -> new Exif
//! XMP -+----> XmpFields  -> new XMP
//! IIM -+
//! ```
//!
//! **Architecture invariant:** no byte of a block is copied. Only the values of the fields are read, and the blocks are written
//! anew from these values. So neither a GPS position nor a maker note nor a thumbnail can remain, whatever the block contains.
//!
//! The fields are those of the IPTC Photo Metadata Standard: Creator, Copyright Notice, Credit Line, Rights Usage Terms, and
//! Web Statement of Rights, which is the address of the usage terms. To these, the XMP specification adds `xmpRights:Marked`,
//! the copyright status. The contact data of the creator (`CreatorContactInfo`) and of the licensor (`plus:Licensor`) are not
//! kept, because they contain private addresses.

mod exif;
mod iim;
mod xmp;

pub(crate) use exif::ExifFields;
pub(crate) use iim::read_fields as read_iim;
pub(crate) use xmp::XmpFields;

/// The maximum size of a new block. A segment of a JPEG has 64 KiB. The fields of a photograph have at most some thousand bytes.
const MAX_BLOCK_BYTES: usize = 60_000;

/// Returns a new block, unless it is too large.
fn limited(block: Vec<u8>) -> Result<Vec<u8>, &'static str> {
    if block.len() > MAX_BLOCK_BYTES {
        Err("creator, copyright, credit and usage terms are over 60 KB")
    } else {
        Ok(block)
    }
}

//! Keys in listings (Amazon S3 API reference, `ListObjectsV2` and `ListObjects`, `encoding-type`). XML cannot represent
//! every character of a key, so a client can request URL-encoded names. boto3 and the AWS CLI always do, and decode the
//! names if the response has an `EncodingType`.

use s3s::dto::{CommonPrefix, EncodingType, ListObjectsOutput, ListObjectsV2Output, Object};
use s3s::{S3Result, s3_error};

use super::notification::encode;

/// Whether the client requests encoded names.
///
/// # Errors
/// The client requests an encoding that S3 does not support.
pub(super) fn is_encoding_requested(encoding: Option<&EncodingType>) -> S3Result<bool> {
    match encoding.map(EncodingType::as_str) {
        None => Ok(false),
        Some(EncodingType::URL) => Ok(true),
        Some(_) => Err(s3_error!(InvalidArgument, "Invalid Encoding Method specified in Request")),
    }
}

/// Encodes the fields that S3 encodes in a `ListObjectsV2` response. Continuation tokens stay as they are, because
/// clients send them back unchanged.
pub(super) fn encode_v2(list: &mut ListObjectsV2Output) {
    let ListObjectsV2Output { contents, common_prefixes, delimiter, prefix, start_after, .. } = list;
    encode_names(contents, common_prefixes);
    [delimiter, prefix, start_after].into_iter().for_each(encode_name);
}

/// Encodes the fields that S3 encodes in a `ListObjects` response.
pub(super) fn encode_v1(list: &mut ListObjectsOutput) {
    let ListObjectsOutput { contents, common_prefixes, delimiter, prefix, marker, next_marker, .. } = list;
    encode_names(contents, common_prefixes);
    [delimiter, prefix, marker, next_marker].into_iter().for_each(encode_name);
}

fn encode_names(contents: &mut Option<Vec<Object>>, prefixes: &mut Option<Vec<CommonPrefix>>) {
    contents.iter_mut().flatten().for_each(|object| encode_name(&mut object.key));
    prefixes.iter_mut().flatten().for_each(|common| encode_name(&mut common.prefix));
}

fn encode_name(name: &mut Option<String>) {
    if let Some(name) = name {
        *name = encode(name);
    }
}

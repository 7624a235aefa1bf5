use aws_sdk_s3::types::EncodingType;
use percent_encoding::percent_decode_str;

/// Decodes a key in a listing. `encoding` is the encoding in the response. XML cannot represent every character of a key, so
/// requests for a listing ask for [`EncodingType::Url`] (Amazon S3 API reference, `ListObjectsV2`). S3 then encodes keys like form
/// data, with `+` for a space.
#[must_use]
pub fn decode_listed_key(key: String, encoding: Option<&EncodingType>) -> String {
    match encoding {
        Some(EncodingType::Url) => percent_decode_str(&key.replace('+', " ")).decode_utf8_lossy().into_owned(),
        _ => key,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_encoded_key_is_decoded() {
        let key = || "a%2B+b%0A/%E5%86%99.jpg".to_owned();
        assert_eq!(decode_listed_key(key(), Some(&EncodingType::Url)), "a+ b\n/写.jpg");
        assert_eq!(decode_listed_key(key(), None), key());
    }
}

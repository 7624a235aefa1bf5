//! Tests `avif backfill` with archived objects.

use super::stub::{Stub, environment, listing};
use super::{manifest, run};

const RESTORED: &str = "<StorageClass>GLACIER</StorageClass><RestoreStatus><IsRestoreInProgress>false</IsRestoreInProgress>\
    <RestoreExpiryDate>2099-01-01T00:00:00.000Z</RestoreExpiryDate></RestoreStatus>";
const IN_PROGRESS: &str = "<StorageClass>DEEP_ARCHIVE</StorageClass><RestoreStatus>\
    <IsRestoreInProgress>true</IsRestoreInProgress></RestoreStatus>";

#[tokio::test]
async fn archived_objects_are_counted_and_skipped() {
    let stub = Stub::start(|_| {
        Some((
            200,
            listing(&[
                ("1-standard.jpg", "<StorageClass>STANDARD</StorageClass>"),
                ("2-glacier.jpg", "<StorageClass>GLACIER</StorageClass>"),
                ("3-deep-archive.jpg", "<StorageClass>DEEP_ARCHIVE</StorageClass>"),
                ("4-instant-retrieval.jpg", "<StorageClass>GLACIER_IR</StorageClass>"),
                ("5-restored.jpg", RESTORED),
                ("6-restore-in-progress.jpg", IN_PROGRESS),
                ("7-intelligent-tiering.jpg", "<StorageClass>INTELLIGENT_TIERING</StorageClass>"),
                ("8-other-server.jpg", ""),
                ("9-no-source.txt", "<StorageClass>GLACIER</StorageClass>"),
            ]),
        ))
    })
    .await;
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["s3://photos", "--skip-check", "--dry-run"];
    let output = run(folder.path(), &environment(&stub.endpoint()), &arguments).await;
    let readable = [
        "1-standard.jpg",
        "4-instant-retrieval.jpg",
        "5-restored.jpg",
        "7-intelligent-tiering.jpg",
        "8-other-server.jpg",
    ];
    assert_eq!(manifest(folder.path()), readable);
    let counts = "9 objects: 1 are not sources, 0 are larger than AVIF_MAX_BYTES, 0 are converted already, 3 are archived, 5 to \
        convert";
    assert!(output.contains(counts) && output.contains("aws s3api restore-object"), "{output}");
    // Without this header S3 omits the restore status.
    let [request] = stub.received().try_into().unwrap();
    assert_eq!(request.header("x-amz-optional-object-attributes"), "RestoreStatus");
}

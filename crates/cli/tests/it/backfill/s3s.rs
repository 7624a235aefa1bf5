//! Against s3s-fs, by a door at which it is killed.

use std::collections::BTreeMap;
use std::io::Write;

use aws_sdk_s3::primitives::ByteStream;
use emulator::{Faults, Rates, S3, SECRET_KEY, Settings};
use tempfile::TempDir;

use super::{assert_each_once, fill, lay, manifest, run, start};

struct Place {
    server: S3,
    folder: TempDir,
}

async fn place() -> Place {
    let folder = tempfile::tempdir().unwrap();
    let buckets = vec!["photos".to_owned(), "inventory".to_owned()];
    let address = ([127, 0, 0, 1], 0).into();
    let settings = Settings { address, folder: folder.path().join("s3"), secret: SECRET_KEY.into(), buckets };
    let (server, _) = S3::start(settings).await.unwrap();
    Place { server, folder }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_key_is_in_the_manifest_once_however_often_it_was_killed() {
    let Place { server, folder } = place().await;
    let keys = fill(&server.client(SECRET_KEY)).await;
    let faults = Faults::new(7, Rates { killed: 1, ..Rates::default() });
    let (door, mut kills) = server.door(faults.clone()).await.unwrap();
    let environment = server.environment_at(&door);
    let mut killed = 0;
    loop {
        let mut child = start(folder.path(), &environment, &["s3://photos"]);
        tokio::select! {
            status = child.wait() => { assert!(status.unwrap().success()); break }
            Some(()) = kills.recv() => { child.kill().await.unwrap(); killed += 1 }
        }
        if killed == 4 {
            faults.rest();
        }
        // Of a process that is gone.
        while kills.try_recv().is_ok() {}
    }
    assert_eq!(killed, 4);
    assert_each_once(manifest(folder.path()), &keys);

    let said = run(folder.path(), &server.environment(), &["s3://photos", "--dry-run"]).await;
    assert!(
        said.contains(
            "5,523 objects: 523 are not sources, 0 are larger than AVIF_MAX_BYTES, 500 are converted already, 0 are \
             archived, 4,500 to convert"
        ),
        "{said}"
    );
    assert!(
        said.contains(
            "Estimate for 12 megapixels per image, 1769 MB and 100 images at a time: 5.5 s per image, 4 minutes in total, \
             about $0.83"
        ),
        "{said}"
    );
}

#[tokio::test]
async fn another_backfill_finds_the_folder_taken() {
    let Place { server, folder } = place().await;
    lay(&server.client(SECRET_KEY), "a.jpg", &[]).await;
    let environment = server.environment();
    run(folder.path(), &environment, &["s3://photos"]).await;
    let other = start(folder.path(), &environment, &["s3://photos", "-e", "AVIF_QUALITY=60"]);
    let output = other.wait_with_output().await.unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(crate::text(&output.stderr).contains("holds a backfill of something else"));
}

#[tokio::test]
async fn an_inventory_is_read_as_a_listing_is() {
    let Place { server, folder } = place().await;
    let s3 = server.client(SECRET_KEY);
    let put = async |key: &str, body: Vec<u8>| {
        s3.put_object().bucket("inventory").key(key).body(ByteStream::from(body)).send().await.unwrap();
    };
    for file in 0..2 {
        let mut gzip = flate2::write::GzEncoder::new(vec![], flate2::Compression::fast());
        for row in 0..1500 {
            // The last of each file is a version that was replaced.
            let latest = row != 1499;
            writeln!(gzip, r#""photos","p%20{file}/{row:04}.jpg","v1","{latest}","false","12","etag""#).unwrap();
        }
        put(&format!("data/{file}.csv.gz"), gzip.finish().unwrap()).await;
    }
    let schema = "Bucket, Key, VersionId, IsLatest, IsDeleteMarker, Size, ETag";
    let files = serde_json::json!([{ "key": "data/0.csv.gz" }, { "key": "data/1.csv.gz" }]);
    let listed = serde_json::json!({
        "sourceBucket": "photos", "destinationBucket": "arn:aws:s3:::inventory", "fileFormat": "CSV",
        "fileSchema": schema, "files": files,
    });
    put("day/manifest.json", listed.to_string().into_bytes()).await;
    let arguments = ["s3://photos/p", "--inventory", "s3://inventory/day/manifest.json"];
    run(folder.path(), &server.environment(), &arguments).await;
    let keys = (0..2).flat_map(|file| (0..1499).map(move |row| format!("p {file}/{row:04}.jpg"))).collect();
    assert_each_once(manifest(folder.path()), &keys);
}

#[tokio::test]
async fn what_is_no_place_and_what_lacks_a_part_is_wrong_usage() {
    let folder = tempfile::tempdir().unwrap();
    for arguments in
        [&["photos"][..], &["s3:///a"], &["s3://photos", "--function", "arn:aws:lambda:eu:1:function:a:live"]]
    {
        let output = start(folder.path(), &BTreeMap::new(), arguments).wait_with_output().await.unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
    }
}

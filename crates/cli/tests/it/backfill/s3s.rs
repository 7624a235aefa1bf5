//! Tests `avif backfill` with the emulated S3. During some requests, the emulator sends the test a request to kill the
//! command.

use std::collections::BTreeMap;
use std::io::Write;

use aws_sdk_s3::primitives::ByteStream;
use emulator::{FaultRates, Faults, S3, SECRET_KEY, Settings};
use tempfile::TempDir;

use super::{assert_each_once, fill, manifest, put, run, start};

pub(super) struct Setup {
    pub(super) server: S3,
    pub(super) folder: TempDir,
}

pub(super) async fn setup() -> Setup {
    let folder = tempfile::tempdir().unwrap();
    let buckets = vec!["photos".to_owned(), "inventory".to_owned()];
    let address = ([127, 0, 0, 1], 0).into();
    let settings = Settings { address, folder: folder.path().join("s3"), secret: SECRET_KEY.into(), buckets };
    let (server, _) = S3::start(settings).await.unwrap();
    Setup { server, folder }
}

#[tokio::test(flavor = "multi_thread")]
async fn manifest_contains_each_key_once_although_the_command_is_killed_four_times() {
    let Setup { server, folder } = setup().await;
    let keys = fill(&server.client(SECRET_KEY)).await;
    let faults = Faults::new(7, FaultRates { killed: 1, ..FaultRates::default() });
    let (door, mut kills) = server.open_endpoint(faults.clone()).await.unwrap();
    let environment = server.environment_for(&door);
    let mut killed = 0;
    loop {
        let mut child = start(folder.path(), &environment, &["s3://photos"]);
        tokio::select! {
            status = child.wait() => { assert!(status.unwrap().success()); break }
            Some(()) = kills.recv() => { child.kill().await.unwrap(); killed += 1 }
        }
        if killed == 4 {
            faults.pause();
        }
        // Discard kill requests for the process that has ended.
        while kills.try_recv().is_ok() {}
    }
    assert_eq!(killed, 4);
    assert_each_once(manifest(folder.path()), &keys);

    let output = run(folder.path(), &server.environment(), &["s3://photos", "--dry-run"]).await;
    assert!(
        output.contains(
            "5,523 objects: 523 are not sources, 0 are larger than AVIF_MAX_BYTES, 500 are converted already, 0 are \
             archived, 4,500 to convert"
        ),
        "{output}"
    );
    assert!(
        output.contains(
            "Estimate for 12 megapixels per image, 1769 MB of memory and 100 images at the same time:\n\
             6.7 s per image, 5 minutes in total, about $0.95 on arm64 or $1.12 on x86-64, with S3 Batch Operations"
        ),
        "{output}"
    );
}

#[tokio::test]
async fn state_directory_of_another_backfill_is_rejected() {
    let Setup { server, folder } = setup().await;
    put(&server.client(SECRET_KEY), "a.jpg", &[]).await;
    let environment = server.environment();
    run(folder.path(), &environment, &["s3://photos"]).await;
    let other = start(folder.path(), &environment, &["s3://photos", "-e", "AVIF_QUALITY=60"]);
    let output = other.wait_with_output().await.unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(crate::text(&output.stderr).contains("contains the state of another backfill"));
}

#[tokio::test]
async fn changed_rule_selects_exactly_its_sources() {
    let rules = |quality: u8| format!(r#"AVIF_RULES=[{{"prefix": "avatars/", "quality": {quality}}}]"#);
    let plan = |quality| {
        let rules = rules(quality);
        let (name, value) = rules.split_once('=').unwrap();
        settings::Settings::parse(&[(name.to_owned(), value.to_owned())].into()).unwrap().plan
    };
    let Setup { server, folder } = setup().await;
    let s3 = server.client(SECRET_KEY);
    for (key, plan) in [("a.jpg", plan(40)), ("avatars/a.jpg", plan(40)), ("avatars/b.jpg", plan(40))] {
        let etag = put(&s3, key, &[]).await;
        let at = model::Location { bucket: "photos".into(), key: key.into() };
        let transfer::KeyDecision::Convert(plan) = plan.decide(&at).unwrap() else { panic!("{key} is skipped") };
        let provenance = [("avif-recipe", plan.fingerprint()), ("avif-source-etag", etag)];
        put(&s3, &format!("{key}.avif"), &provenance.each_ref().map(|(name, value)| (*name, value.as_str()))).await;
    }
    server.record_calls();
    let backfill = async |quality, state| {
        run(folder.path(), &server.environment(), &["s3://photos", "-e", &rules(quality), "--state", state]).await
    };
    let output = backfill(40, "unchanged").await;
    assert!(output.contains("3 are converted already, 0 are archived, 0 to convert"), "{output}");
    backfill(90, "avif-backfill").await;
    assert_eq!(manifest(folder.path()), ["avatars/a.jpg", "avatars/b.jpg"]);
    // In each run: one listing, and a look-up of each source and of its variant. The listing of the emulator has no ETags.
    let calls = server.take_calls();
    let count = |operation| calls.iter().filter(|call| call.operation == operation).count();
    assert_eq!((count("ListObjectsV2"), count("HeadObject"), calls.len()), (2, 12, 14));
}

#[tokio::test]
async fn inventory_selects_the_same_keys_as_a_listing() {
    let Setup { server, folder } = setup().await;
    let s3 = server.client(SECRET_KEY);
    let upload = async |key: &str, body: Vec<u8>| {
        s3.put_object().bucket("inventory").key(key).body(ByteStream::from(body)).send().await.unwrap();
    };
    for file in 0..2 {
        let mut gzip = flate2::write::GzEncoder::new(vec![], flate2::Compression::fast());
        for row in 0..1500 {
            // The last row of each inventory file is an old version of an object.
            let latest = row != 1499;
            writeln!(gzip, r#""photos","p%20{file}/{row:04}.jpg","v1","{latest}","false","12","etag""#).unwrap();
        }
        upload(&format!("data/{file}.csv.gz"), gzip.finish().unwrap()).await;
    }
    let schema = "Bucket, Key, VersionId, IsLatest, IsDeleteMarker, Size, ETag";
    let files = serde_json::json!([{ "key": "data/0.csv.gz" }, { "key": "data/1.csv.gz" }]);
    let inventory = serde_json::json!({
        "sourceBucket": "photos", "destinationBucket": "arn:aws:s3:::inventory", "fileFormat": "CSV",
        "fileSchema": schema, "files": files,
    });
    upload("day/manifest.json", inventory.to_string().into_bytes()).await;
    let arguments = ["s3://photos/p", "--inventory", "s3://inventory/day/manifest.json"];
    run(folder.path(), &server.environment(), &arguments).await;
    let keys = (0..2).flat_map(|file| (0..1499).map(move |row| format!("p {file}/{row:04}.jpg"))).collect();
    assert_each_once(manifest(folder.path()), &keys);
}

#[tokio::test]
async fn invalid_url_and_missing_argument_are_wrong_usage() {
    let folder = tempfile::tempdir().unwrap();
    for arguments in
        [&["photos"][..], &["s3:///a"], &["s3://photos", "--function", "arn:aws:lambda:eu:1:function:a:live"]]
    {
        let output = start(folder.path(), &BTreeMap::new(), arguments).wait_with_output().await.unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
    }
}

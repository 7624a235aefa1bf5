//! Crops and their focal point.

use image::ImageFormat;
use model::{Area, Outcome, Report};

use crate::deployment::{Deployment, image};

const SETTINGS: [(&str, &str); 2] = [("AVIF_SIZES", "full,60x60,50x50:cover"), ("AVIF_KEEP_LARGER", "true")];

/// Uploads an image of 200x100 with this user metadata, and returns the first report.
async fn put(deployment: &mut Deployment, focus: &str) -> Report {
    let request = deployment.s3.put_object().bucket("photos").key("a.png").metadata("focus", focus);
    request.body(image(ImageFormat::Png, 200, 100).into()).send().await.unwrap();
    loop {
        // The outputs have events, too.
        let invocation = deployment.invocations.recv().await.unwrap();
        let reports = invocation.last_attempt.result.unwrap()["reports"].clone();
        let [report]: [Report; 1] = serde_json::from_value::<Vec<_>>(reports).unwrap().try_into().unwrap();
        if report.job.source.at.key == "a.png" {
            return report;
        }
    }
}

/// Returns the horizontal position of the crop, and the notes.
fn crop(report: &Report) -> (u32, &[String]) {
    let Outcome::Converted { variants, notes, .. } = &report.outcome else { panic!("{:?}", report.outcome) };
    let [full, inside, cover] = &variants[..] else { panic!("{variants:?}") };
    assert_eq!([full.crop, inside.crop], [None, None]);
    assert_eq!((inside.width, inside.height, &inside.at.key[..]), (60, 30, "a.png.s60x60.avif"));
    assert_eq!((cover.width, cover.height, &cover.at.key[..]), (50, 50, "a.png.c50x50.avif"));
    let Some(Area { x, y: 0, width: 100, height: 100 }) = cover.crop else { panic!("{:?}", cover.crop) };
    (x, notes)
}

#[tokio::test]
async fn focus_in_the_user_metadata_moves_the_crop() {
    let mut deployment = Deployment::with_events(&SETTINGS).await;
    for (focus, x) in [("0.3,0.5", 10), ("1,0", 100), ("0, 1", 0)] {
        // The content and the ETag stay the same.
        let report = put(&mut deployment, focus).await;
        assert_eq!(crop(&report), (x, &[][..]), "{focus}");
        let head = deployment.s3.head_object().bucket("photos").key("a.png.c50x50.avif").send().await.unwrap();
        assert_eq!(head.metadata.unwrap()["avif-focus"], focus.replace(' ', ""));
        let manifest: serde_json::Value =
            serde_json::from_slice(&deployment.read("photos", "a.png.avif.json").await).unwrap();
        assert_eq!(manifest["variants"][2]["crop"]["x"], x);
    }
    let report = put(&mut deployment, "0, 1").await;
    assert!(matches!(report.outcome, Outcome::Skipped { .. }), "{:?}", report.outcome);
}

#[tokio::test]
async fn invalid_focus_is_noted_and_the_crop_is_in_the_center() {
    let mut deployment = Deployment::with_events(&SETTINGS).await;
    // Together with the provenance, a copy of this text would exceed the limit of S3.
    let report = put(&mut deployment, &"left ".repeat(380)).await;
    let (x, notes) = crop(&report);
    assert_eq!((x, notes.len()), (50, 2), "{notes:?}");
    let head = deployment.s3.head_object().bucket("photos").key("a.png.c50x50.avif").send().await.unwrap();
    let size: usize = head.metadata.unwrap().iter().map(|(name, value)| name.len() + value.len()).sum();
    assert!(size <= 2048, "{size} bytes of metadata");
    let report = put(&mut deployment, "left").await;
    assert!(matches!(report.outcome, Outcome::Skipped { .. }), "{:?}", report.outcome);
    let mut deployment = Deployment::with_events(&SETTINGS).await;
    let report = put(&mut deployment, "left").await;
    let note =
        "the user metadata `focus` is ignored: focal point \"left\" is not two numbers from 0 to 1, such as 0.5,0.25";
    assert_eq!(crop(&report), (50, &[note.to_owned()][..]));
}

#[tokio::test]
async fn focus_without_crops_changes_nothing() {
    let mut deployment = Deployment::with_events(&[]).await;
    let report = put(&mut deployment, "0,0").await;
    assert!(matches!(report.outcome, Outcome::Converted { .. }));
    let head = deployment.s3.head_object().bucket("photos").key("a.png.avif").send().await.unwrap();
    assert!(!head.metadata.unwrap().contains_key("avif-focus"));
    let report = put(&mut deployment, "1,1").await;
    assert!(matches!(report.outcome, Outcome::Skipped { .. }), "{:?}", report.outcome);
}

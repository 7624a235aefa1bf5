//! Tests the catalog with moto's implementation of DynamoDB.

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType};
use backfill::{Origin, prune};
use image::ImageFormat;
use transfer::{Store, StoreOptions};

use crate::deployment::{Deployment, image};
use crate::event_order::event;
use crate::moto::Moto;

const TABLE: &str = "images";

struct MotoCatalog {
    client: Client,
    moto: Moto,
}

impl MotoCatalog {
    async fn start() -> Self {
        let moto = Moto::start().await;
        let client = Client::new(&moto.sdk_config());
        let key = KeySchemaElement::builder().attribute_name("source").key_type(KeyType::Hash).build().unwrap();
        let source = AttributeDefinition::builder().attribute_name("source").attribute_type("S".into());
        let table =
            client.create_table().table_name(TABLE).key_schema(key).attribute_definitions(source.build().unwrap());
        table.billing_mode(BillingMode::PayPerRequest).send().await.unwrap();
        Self { client, moto }
    }

    fn settings(&self) -> [(&str, &str); 3] {
        let endpoint = ("AWS_ENDPOINT_URL_DYNAMODB", self.moto.endpoint.as_str());
        [("AVIF_CATALOG_TABLE", TABLE), ("AVIF_SIZES", "full,50"), endpoint]
    }

    async fn read_item(&self, source: &str) -> Option<HashMap<String, AttributeValue>> {
        let key = AttributeValue::S(source.to_owned());
        self.client.get_item().table_name(TABLE).key("source", key).send().await.unwrap().item
    }
}

#[tokio::test]
async fn with_moto_catalog_item_matches_the_newest_source() {
    let catalog = MotoCatalog::start().await;
    let mut deployment = Deployment::without_events(&catalog.settings()).await;
    // The key is form-encoded, as in S3 events.
    let encoded_key = "%E5%86%99%E7%9C%9F+1%2B2.png";
    let old = deployment.put_source("写真 1+2.png", &image(ImageFormat::Png, 90, 60)).await;
    assert_eq!(deployment.send_event(event(encoded_key, Some(&old), "01")).await.0, "converted");
    let new = deployment.put_source("写真 1+2.png", &image(ImageFormat::Png, 120, 80)).await;
    assert_eq!(deployment.send_event(event(encoded_key, Some(&new), "02")).await.0, "converted");
    assert_eq!(deployment.send_event(event(encoded_key, Some(&old), "01")).await.0, "skipped");

    let item = catalog.read_item("s3://photos/写真 1+2.png").await.unwrap();
    assert_eq!(item["avif-source-etag"], AttributeValue::S(new));
    let manifest = item["manifest"].as_m().unwrap();
    let widths: Vec<_> =
        manifest["variants"].as_l().unwrap().iter().map(|variant| &variant.as_m().unwrap()["width"]).collect();
    assert_eq!(widths, [&AttributeValue::N("120".into()), &AttributeValue::N("50".into())]);

    deployment.s3.delete_object().bucket("photos").key("写真 1+2.png").send().await.unwrap();
    assert_eq!(deployment.send_event(event(encoded_key, None, "03")).await.0, "deleted");
    assert_eq!(catalog.read_item("s3://photos/写真 1+2.png").await, None);
}

#[tokio::test]
async fn with_moto_catalog_item_of_a_skipped_source_is_pruned() {
    let catalog = MotoCatalog::start().await;
    let s3 = catalog.moto.s3();
    s3.create_bucket().bucket("photos").send().await.unwrap();
    for key in ["a.png", "private/a.png"] {
        s3.put_object().bucket("photos").key(key).send().await.unwrap();
        let variant = s3.put_object().bucket("photos").key(format!("{key}.avif")).metadata("avif-recipe", "earlier");
        variant.send().await.unwrap();
        let item =
            catalog.client.put_item().table_name(TABLE).item("source", AttributeValue::S(format!("s3://photos/{key}")));
        let item = item.item("avif-recipe", AttributeValue::S("earlier".into()));
        item.item("avif-sha256", AttributeValue::S("0".into())).send().await.unwrap();
    }
    let variables =
        [("AVIF_CATALOG_TABLE", TABLE), ("AVIF_RULES", r#"[{"prefix": "private/", "skip": true}]"#)].into_iter();
    let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let settings = settings::Settings::parse(&variables).unwrap();
    let options = StoreOptions { custom_endpoint: true, ..settings.store_options };
    let store = Store::new(&catalog.moto.sdk_config(), options);
    let sources = Origin { bucket: "photos".into(), prefix: String::new(), inventory: None };
    let counts = prune(&store, &settings.plan, &sources, false, |_| Ok(())).await.unwrap();
    assert_eq!((counts.obsolete, counts.changed, counts.failed), (1, 0, 0));
    assert_eq!(catalog.read_item("s3://photos/private/a.png").await, None);
    assert!(catalog.read_item("s3://photos/a.png").await.is_some());
}

#[tokio::test]
async fn with_moto_missing_catalog_item_is_written_again() {
    let catalog = MotoCatalog::start().await;
    let mut deployment = Deployment::without_events(&catalog.settings()).await;
    let etag = deployment.put_source("a.png", &image(ImageFormat::Png, 90, 60)).await;
    deployment.send_event(event("a.png", Some(&etag), "01")).await;
    let key = AttributeValue::S("s3://photos/a.png".into());
    catalog.client.delete_item().table_name(TABLE).key("source", key).send().await.unwrap();
    // The deleted item has the same effect as a crash after the function wrote the manifest and before it wrote the
    // item.
    assert_eq!(deployment.send_event(event("a.png", Some(&etag), "01")).await.0, "converted");
    assert!(catalog.read_item("s3://photos/a.png").await.is_some());
}

#[tokio::test]
async fn with_moto_error_of_a_missing_catalog_table_contains_the_table_name() {
    let catalog = MotoCatalog::start().await;
    let mut settings = catalog.settings();
    settings[0].1 = "missing";
    let mut deployment = Deployment::without_events(&settings).await;
    let etag = deployment.put_source("a.png", &image(ImageFormat::Png, 90, 60)).await;
    let error = deployment.lambda.invoke(event("a.png", Some(&etag), "01")).await.result.unwrap_err().error_message;
    assert!(error.contains("in the table missing: 400 ResourceNotFoundException"), "{error}");
}

//! The catalog, in moto's DynamoDB.

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType};
use image::ImageFormat;

use crate::deployment::{Deployment, image};
use crate::event_order::event;
use crate::moto::Moto;

const TABLE: &str = "images";

struct Catalog {
    client: Client,
    moto: Moto,
}

impl Catalog {
    async fn new() -> Self {
        let moto = Moto::start().await;
        let client = Client::new(&moto.access());
        let key = KeySchemaElement::builder().attribute_name("source").key_type(KeyType::Hash).build().unwrap();
        let source = AttributeDefinition::builder().attribute_name("source").attribute_type("S".into());
        let table =
            client.create_table().table_name(TABLE).key_schema(key).attribute_definitions(source.build().unwrap());
        table.billing_mode(BillingMode::PayPerRequest).send().await.unwrap();
        Self { client, moto }
    }

    fn settings(&self) -> [(&str, &str); 3] {
        let endpoint = ("AWS_ENDPOINT_URL_DYNAMODB", self.moto.endpoint.as_str());
        [("AVIF_CATALOG_TABLE", TABLE), ("AVIF_WIDTHS", "full,50"), endpoint]
    }

    async fn item(&self, source: &str) -> Option<HashMap<String, AttributeValue>> {
        let key = AttributeValue::S(source.to_owned());
        self.client.get_item().table_name(TABLE).key("source", key).send().await.unwrap().item
    }
}

#[tokio::test]
async fn by_moto_the_catalogue_lists_what_is_stored_of_the_newest_source_and_forgets_what_is_gone() {
    let catalog = Catalog::new().await;
    let mut house = Deployment::untold(&catalog.settings()).await;
    // As events have it: form-encoded.
    let told = "%E5%86%99%E7%9C%9F+1%2B2.png";
    let old = house.lay("写真 1+2.png", &image(ImageFormat::Png, 90, 60)).await;
    assert_eq!(house.tell(event(told, Some(&old), "01")).await.0, "converted");
    let new = house.lay("写真 1+2.png", &image(ImageFormat::Png, 120, 80)).await;
    assert_eq!(house.tell(event(told, Some(&new), "02")).await.0, "converted");
    assert_eq!(house.tell(event(told, Some(&old), "01")).await.0, "skipped");

    let item = catalog.item("s3://photos/写真 1+2.png").await.unwrap();
    assert_eq!(item["avif-source-etag"], AttributeValue::S(new));
    let manifest = item["manifest"].as_m().unwrap();
    let widths: Vec<_> =
        manifest["variants"].as_l().unwrap().iter().map(|variant| &variant.as_m().unwrap()["width"]).collect();
    assert_eq!(widths, [&AttributeValue::N("120".into()), &AttributeValue::N("50".into())]);

    house.s3.delete_object().bucket("photos").key("写真 1+2.png").send().await.unwrap();
    assert_eq!(house.tell(event(told, None, "03")).await.0, "deleted");
    assert_eq!(catalog.item("s3://photos/写真 1+2.png").await, None);
}

#[tokio::test]
async fn by_moto_an_item_that_was_lost_is_written_again() {
    let catalog = Catalog::new().await;
    let mut house = Deployment::untold(&catalog.settings()).await;
    let etag = house.lay("a.png", &image(ImageFormat::Png, 90, 60)).await;
    house.tell(event("a.png", Some(&etag), "01")).await;
    let key = AttributeValue::S("s3://photos/a.png".into());
    catalog.client.delete_item().table_name(TABLE).key("source", key).send().await.unwrap();
    // As after a crash between the manifest and the item.
    assert_eq!(house.tell(event("a.png", Some(&etag), "01")).await.0, "converted");
    assert!(catalog.item("s3://photos/a.png").await.is_some());
}

#[tokio::test]
async fn by_moto_a_table_that_is_not_there_is_a_failure_that_names_it() {
    let catalog = Catalog::new().await;
    let mut settings = catalog.settings();
    settings[0].1 = "missing";
    let mut house = Deployment::untold(&settings).await;
    let etag = house.lay("a.png", &image(ImageFormat::Png, 90, 60)).await;
    let error = house.lambda.invoke(event("a.png", Some(&etag), "01")).await.result.unwrap_err().error_message;
    assert!(error.contains("in the table missing: 400 ResourceNotFoundException"), "{error}");
}

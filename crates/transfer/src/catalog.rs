//! The catalog: a DynamoDB table with one item for each source, which contains the manifest. Other programs can query
//! the table. The item is written after the manifest, and only if the item did not change since it was read.

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::http::HttpResponse;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::AttributeValue;
use model::{Location, Manifest};

use crate::Error;
use crate::operation::{permission_hint, service_error_message};
use crate::provenance::{Provenance, SHA256};

/// The table's partition key, a string: the source as `s3://bucket/key`.
pub(crate) const SOURCE_ATTRIBUTE: &str = "source";
pub(crate) const MANIFEST_ATTRIBUTE: &str = "manifest";

/// The DynamoDB table of the catalog, and the client that accesses the table.
#[derive(Debug, Clone)]
pub(crate) struct Catalog {
    pub(crate) client: Client,
    pub(crate) table: String,
}

impl Catalog {
    /// Reads the provenance in the catalog entry of a source. `None` if the source has no entry.
    pub(crate) async fn read_entry(&self, source: &Location) -> Result<Option<Provenance>, Error> {
        let request = self.client.get_item().table_name(&self.table).consistent_read(true);
        let response = request.key(SOURCE_ATTRIBUTE, source_value(source)).send().await;
        let response = response.map_err(|error| self.failed("GetItem", source, &error))?;
        let strings = |item: HashMap<String, AttributeValue>| -> HashMap<String, String> {
            item.into_iter().filter_map(|(name, value)| Some((name, value.as_s().ok()?.clone()))).collect()
        };
        Ok(response.item.and_then(|item| Provenance::from_metadata(&strings(item))))
    }

    /// Writes the entry of a source if the catalog does not contain an entry of this source.
    ///
    /// # Errors
    /// [`Error::Conflict`] if the catalog already contains an entry of this source.
    pub(crate) async fn write_entry(
        &self,
        source: &Location,
        provenance: &Provenance,
        manifest: &Manifest,
    ) -> Result<(), Error> {
        let manifest = serde_dynamo::to_attribute_value(manifest)
            .expect("a struct of strings and numbers always serializes to an attribute");
        let request = self
            .client
            .put_item()
            .table_name(&self.table)
            .item(SOURCE_ATTRIBUTE, source_value(source))
            .item(MANIFEST_ATTRIBUTE, manifest);
        let attributes = provenance.to_metadata().into_iter();
        let request = attributes.fold(request, |request, (name, value)| request.item(name, AttributeValue::S(value)));
        let request = request
            .condition_expression("attribute_not_exists(#source)")
            .expression_attribute_names("#source", SOURCE_ATTRIBUTE);
        match request.send().await {
            Ok(_) => Ok(()),
            Err(error) => match error.as_service_error() {
                Some(PutItemError::ConditionalCheckFailedException(_)) => Err(self.conflict("PutItem", source, &error)),
                _ => Err(self.failed("PutItem", source, &error)),
            },
        }
    }

    /// Deletes the entry of a source if it did not change since `stored` was read.
    ///
    /// # Errors
    /// [`Error::Conflict`] if the entry changed or was deleted.
    pub(crate) async fn delete_entry(&self, source: &Location, stored: &Provenance) -> Result<(), Error> {
        let request = self.client.delete_item().table_name(&self.table).key(SOURCE_ATTRIBUTE, source_value(source));
        let request = request
            .condition_expression("#sha256 = :stored")
            .expression_attribute_names("#sha256", SHA256)
            .expression_attribute_values(":stored", AttributeValue::S(stored.sha256.clone()));
        match request.send().await {
            Ok(_) => Ok(()),
            Err(error) => match error.as_service_error() {
                Some(DeleteItemError::ConditionalCheckFailedException(_)) => {
                    Err(self.conflict("DeleteItem", source, &error))
                }
                _ => Err(self.failed("DeleteItem", source, &error)),
            },
        }
    }

    fn failed<E>(&self, operation: &'static str, source: &Location, error: &SdkError<E, HttpResponse>) -> Error
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        let permission = format!("dynamodb:{operation} on the table");
        let message = service_error_message(error) + &permission_hint(error, &permission);
        Error::Catalog { operation, table: self.table.clone(), at: source.clone(), message }
    }

    fn conflict<E>(&self, operation: &str, source: &Location, error: &SdkError<E, HttpResponse>) -> Error
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        let (table, message) = (&self.table, service_error_message(error));
        Error::Conflict { message: format!("{operation} of {source} in the table {table}: {message}") }
    }
}

fn source_value(source: &Location) -> AttributeValue {
    AttributeValue::S(source.to_string())
}

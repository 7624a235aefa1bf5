//! The catalog: a DynamoDB table with one item for each source, which holds what the manifest holds. To be searched by
//! other programs; written after the manifest, and on the same condition: that it is still what was looked at.

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::http::HttpResponse;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::AttributeValue;
use model::Location;

use crate::Error;
use crate::manifest::Manifest;
use crate::mark::{Mark, SHA256};
use crate::operation::{permission_hint, service_error_message};

/// The table's partition key, a string: the source as `s3://bucket/key`.
pub(crate) const SOURCE: &str = "source";
pub(crate) const MANIFEST: &str = "manifest";

/// The table, as this program reaches it.
#[derive(Debug, Clone)]
pub(crate) struct Catalog {
    pub(crate) client: Client,
    pub(crate) table: String,
}

impl Catalog {
    /// What a source's item says about its making; nothing where there is none.
    pub(crate) async fn look(&self, source: &Location) -> Result<Option<Mark>, Error> {
        let request = self.client.get_item().table_name(&self.table).consistent_read(true);
        let found = request.key(SOURCE, text(source)).send().await;
        let found = found.map_err(|error| self.failed("GetItem", source, &error))?;
        let texts = |item: HashMap<String, AttributeValue>| -> HashMap<String, String> {
            item.into_iter().filter_map(|(name, value)| Some((name, value.as_s().ok()?.clone()))).collect()
        };
        Ok(found.item.and_then(|item| Mark::read(&texts(item))))
    }

    /// Writes a source's item, if there is none.
    ///
    /// # Errors
    /// [`Error::Conflict`] where there is one.
    pub(crate) async fn put(&self, source: &Location, mark: &Mark, manifest: &Manifest<'_>) -> Result<(), Error> {
        let manifest =
            serde_dynamo::to_attribute_value(manifest).expect("a struct of text and numbers is an attribute");
        let request =
            self.client.put_item().table_name(&self.table).item(SOURCE, text(source)).item(MANIFEST, manifest);
        let marks = mark.metadata().into_iter();
        let request = marks.fold(request, |request, (name, value)| request.item(name, AttributeValue::S(value)));
        let request =
            request.condition_expression("attribute_not_exists(#source)").expression_attribute_names("#source", SOURCE);
        match request.send().await {
            Ok(_) => Ok(()),
            Err(error) => match error.as_service_error() {
                Some(PutItemError::ConditionalCheckFailedException(_)) => Err(self.conflict("PutItem", source, &error)),
                _ => Err(self.failed("PutItem", source, &error)),
            },
        }
    }

    /// Deletes a source's item, if it did not change since it was looked up.
    ///
    /// # Errors
    /// [`Error::Conflict`] where it changed or is gone.
    pub(crate) async fn delete(&self, source: &Location, seen: &Mark) -> Result<(), Error> {
        let request = self.client.delete_item().table_name(&self.table).key(SOURCE, text(source));
        let request = request
            .condition_expression("#sha256 = :seen")
            .expression_attribute_names("#sha256", SHA256)
            .expression_attribute_values(":seen", AttributeValue::S(seen.sha256.clone()));
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
        let message =
            service_error_message(error) + &permission_hint(error, &format!("dynamodb:{operation} on the table"));
        Error::Catalog { operation, table: self.table.clone(), at: source.clone(), message }
    }

    fn conflict<E>(&self, operation: &str, source: &Location, error: &SdkError<E, HttpResponse>) -> Error
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        let (table, answer) = (&self.table, service_error_message(error));
        Error::Conflict { message: format!("{operation} of {source} in the table {table}: {answer}") }
    }
}

fn text(source: &Location) -> AttributeValue {
    AttributeValue::S(source.to_string())
}

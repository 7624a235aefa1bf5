//! The extensions of one environment: their registrations, queued events and reported errors.

use std::collections::VecDeque;

use serde_json::Value;
use tokio::sync::watch;
use uuid::Uuid;

use super::invocation::FunctionError;

/// The events that an extension can register for.
const EVENTS: [&str; 2] = ["INVOKE", "SHUTDOWN"];

/// The extensions of an environment.
#[derive(Debug)]
pub(super) struct Registry {
    /// The file names of the extensions that were started. Only these names can register.
    names: Vec<String>,
    extensions: watch::Sender<Vec<Extension>>,
}

#[derive(Debug, Clone)]
pub(super) struct Extension {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) events: Vec<String>,
    /// Whether the extension has requested an event at least once.
    pub(super) is_ready: bool,
    /// Whether the extension has finished its work and is waiting for its next event.
    is_waiting: bool,
    queued_events: VecDeque<Value>,
    /// The error that the extension reported before it exited.
    error: Option<FunctionError>,
}

/// The error type and the message, if a registration is rejected.
pub(super) type RegistrationError = (&'static str, String);

impl Registry {
    pub(super) fn new(names: Vec<String>) -> Self {
        Self { names, extensions: watch::Sender::new(vec![]) }
    }

    /// Registers an extension, and returns its identifier.
    pub(super) fn register(&self, name: &str, events: Vec<String>) -> Result<String, RegistrationError> {
        if !self.names.iter().any(|known| known == name) {
            let message = format!("no file in /opt/extensions is named {name}");
            return Err(("Extension.InvalidExtensionName", message));
        }
        if let Some(unknown) = events.iter().find(|event| !EVENTS.contains(&event.as_str())) {
            return Err((
                "Extension.InvalidEventType",
                format!("unknown event {unknown}; expected INVOKE or SHUTDOWN"),
            ));
        }
        let id = Uuid::new_v4().to_string();
        let mut extension = Some(Extension {
            id: id.clone(),
            name: name.into(),
            events,
            is_ready: false,
            is_waiting: false,
            queued_events: VecDeque::new(),
            error: None,
        });
        self.extensions.send_if_modified(|extensions| {
            let is_new = !extensions.iter().any(|other| other.name == name);
            extensions.extend(extension.take_if(|_| is_new));
            is_new
        });
        match extension {
            None => Ok(id),
            Some(_) => Err(("Extension.AlreadyRegistered", format!("{name} is already registered"))),
        }
    }

    /// Returns the extension with this identifier.
    pub(super) fn find(&self, id: &str) -> Option<Extension> {
        self.extensions.borrow().iter().find(|extension| extension.id == id).cloned()
    }

    /// Waits for the extension's next event, and returns it.
    pub(super) async fn next_event(&self, id: &str) -> Value {
        let mut changes = self.extensions.subscribe();
        loop {
            let mut event = None;
            self.update(id, |extension| {
                event = extension.queued_events.pop_front();
                extension.is_ready = true;
                extension.is_waiting = event.is_none();
            });
            if let Some(event) = event {
                return event;
            }
            let has_event =
                |extensions: &Vec<Extension>| extensions.iter().any(|e| e.id == id && !e.queued_events.is_empty());
            // This cannot fail: `self` owns the sender.
            let _ = changes.wait_for(has_event).await;
        }
    }

    /// Stores the error that an extension reports before it exits.
    pub(super) fn report_error(&self, id: &str, error: FunctionError) {
        self.update(id, |extension| extension.error = Some(error));
    }

    fn update(&self, id: &str, update: impl FnOnce(&mut Extension)) {
        self.extensions.send_modify(|extensions| {
            if let Some(extension) = extensions.iter_mut().find(|extension| extension.id == id) {
                update(extension);
            }
        });
    }

    /// Sends an event to the extensions that registered for this kind of event.
    pub(super) fn send_event(&self, kind: &str, event: &Value) {
        self.extensions.send_modify(|extensions| {
            for extension in extensions.iter_mut().filter(|extension| extension.events.iter().any(|e| e == kind)) {
                extension.queued_events.push_back(event.clone());
                extension.is_waiting = false;
            }
        });
    }

    /// Waits until all extensions are registered, or until one has reported an error.
    pub(super) async fn wait_until_registered(&self) -> Result<(), FunctionError> {
        self.wait_until(|extensions| extensions.len() == self.names.len()).await
    }

    /// Waits until all extensions wait for their next event, or until one has reported an error.
    pub(super) async fn wait_until_idle(&self) -> Result<(), FunctionError> {
        let is_idle = |extension: &Extension| extension.is_waiting && extension.queued_events.is_empty();
        self.wait_until(|extensions| extensions.iter().all(is_idle)).await
    }

    async fn wait_until(&self, is_done: impl Fn(&[Extension]) -> bool) -> Result<(), FunctionError> {
        let error = |extensions: &[Extension]| extensions.iter().find_map(|extension| extension.error.clone());
        let mut extensions = self.extensions.subscribe();
        // This cannot fail: `self` owns the sender.
        let Ok(extensions) = extensions.wait_for(|now| is_done(now) || error(now).is_some()).await else {
            return Ok(());
        };
        error(&extensions).map_or(Ok(()), Err)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn registry() -> Registry {
        Registry::new(vec!["a".into(), "b".into()])
    }

    #[test]
    fn unknown_or_repeated_registration_is_rejected() {
        let registry = registry();
        assert_eq!(registry.register("c", vec![]).unwrap_err().0, "Extension.InvalidExtensionName");
        assert_eq!(registry.register("a", vec!["REST".into()]).unwrap_err().0, "Extension.InvalidEventType");
        let id = registry.register("a", vec!["INVOKE".into()]).unwrap();
        assert_eq!(registry.register("a", vec![]).unwrap_err().0, "Extension.AlreadyRegistered");
        assert_eq!(registry.find(&id).unwrap().name, "a");
        assert!(registry.find("other").is_none());
    }

    #[tokio::test]
    async fn registered_events_arrive_in_order() {
        let registry = registry();
        let a = registry.register("a", vec!["INVOKE".into(), "SHUTDOWN".into()]).unwrap();
        let b = registry.register("b", vec!["SHUTDOWN".into()]).unwrap();
        registry.wait_until_registered().await.unwrap();
        registry.send_event("INVOKE", &"first".into());
        registry.send_event("SHUTDOWN", &"last".into());
        assert_eq!([registry.next_event(&a).await, registry.next_event(&a).await], ["first", "last"]);
        assert_eq!(registry.next_event(&b).await, "last");
    }

    #[tokio::test]
    async fn wait_returns_the_error_that_an_extension_reports() {
        let registry = registry();
        let id = registry.register("a", vec![]).unwrap();
        registry.report_error(&id, FunctionError::new("Extension.TestError", "a: test"));
        assert_eq!(registry.wait_until_idle().await.unwrap_err().error_type, "Extension.TestError");
    }
}

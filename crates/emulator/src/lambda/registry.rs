//! Extensions of one environment: which have registered, what they were told, what they said.

use std::collections::VecDeque;

use serde_json::Value;
use tokio::sync::watch;
use uuid::Uuid;

use super::invocation::FunctionError;

/// What an extension can register for.
const EVENTS: [&str; 2] = ["INVOKE", "SHUTDOWN"];

/// Everything known of an environment's extensions.
#[derive(Debug)]
pub(super) struct Registry {
    /// The file names of those that were started; nobody else can register.
    names: Vec<String>,
    extensions: watch::Sender<Vec<Extension>>,
}

#[derive(Debug, Clone)]
pub(super) struct Extension {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) events: Vec<String>,
    /// Whether it has ever waited for an event, and so is ready.
    pub(super) ready: bool,
    /// Whether it waits for its next event, and so has nothing more to do.
    waits: bool,
    told: VecDeque<Value>,
    /// Why it gave up.
    error: Option<FunctionError>,
}

/// A registration or a call that is refused: the error's type, and what is wrong.
pub(super) type Refusal = (&'static str, String);

impl Registry {
    pub(super) fn new(names: Vec<String>) -> Self {
        Self { names, extensions: watch::Sender::new(vec![]) }
    }

    /// Registers an extension, and gives its identifier.
    pub(super) fn register(&self, name: &str, events: Vec<String>) -> Result<String, Refusal> {
        if !self.names.iter().any(|known| known == name) {
            let message = format!("{name} is the name of no file in /opt/extensions");
            return Err(("Extension.InvalidExtensionName", message));
        }
        if let Some(unknown) = events.iter().find(|event| !EVENTS.contains(&event.as_str())) {
            return Err(("Extension.InvalidEventType", format!("{unknown} is no event")));
        }
        let id = Uuid::new_v4().to_string();
        let mut extension = Some(Extension {
            id: id.clone(),
            name: name.into(),
            events,
            ready: false,
            waits: false,
            told: VecDeque::new(),
            error: None,
        });
        self.extensions.send_if_modified(|extensions| {
            let free = !extensions.iter().any(|other| other.name == name);
            extensions.extend(extension.take_if(|_| free));
            free
        });
        match extension {
            None => Ok(id),
            Some(_) => Err(("Extension.AlreadyRegistered", format!("{name} has registered already"))),
        }
    }

    /// The extension of that identifier.
    pub(super) fn find(&self, id: &str) -> Option<Extension> {
        self.extensions.borrow().iter().find(|extension| extension.id == id).cloned()
    }

    /// Waits for the extension's next event.
    pub(super) async fn next(&self, id: &str) -> Value {
        let mut changes = self.extensions.subscribe();
        loop {
            let mut event = None;
            self.change(id, |extension| {
                event = extension.told.pop_front();
                extension.ready = true;
                extension.waits = event.is_none();
            });
            if let Some(event) = event {
                return event;
            }
            let told = |extensions: &Vec<Extension>| extensions.iter().any(|e| e.id == id && !e.told.is_empty());
            // The sender is here, in `self`.
            let _ = changes.wait_for(told).await;
        }
    }

    /// The extension gives up.
    pub(super) fn give_up(&self, id: &str, error: FunctionError) {
        self.change(id, |extension| extension.error = Some(error));
    }

    fn change(&self, id: &str, change: impl FnOnce(&mut Extension)) {
        self.extensions.send_modify(|extensions| {
            if let Some(extension) = extensions.iter_mut().find(|extension| extension.id == id) {
                change(extension);
            }
        });
    }

    /// Tells those that registered for it.
    pub(super) fn tell(&self, kind: &str, event: &Value) {
        self.extensions.send_modify(|extensions| {
            for extension in extensions.iter_mut().filter(|extension| extension.events.iter().any(|e| e == kind)) {
                extension.told.push_back(event.clone());
                extension.waits = false;
            }
        });
    }

    /// Waits until all have registered, or one has given up.
    pub(super) async fn registered(&self) -> Result<(), FunctionError> {
        self.wait(|extensions| extensions.len() == self.names.len()).await
    }

    /// Waits until all have nothing more to do, or one has given up.
    pub(super) async fn idle(&self) -> Result<(), FunctionError> {
        self.wait(|extensions| extensions.iter().all(|extension| extension.waits && extension.told.is_empty())).await
    }

    async fn wait(&self, done: impl Fn(&[Extension]) -> bool) -> Result<(), FunctionError> {
        let failed = |extensions: &[Extension]| extensions.iter().find_map(|extension| extension.error.clone());
        let mut extensions = self.extensions.subscribe();
        // The sender is here, in `self`.
        let Ok(extensions) = extensions.wait_for(|now| done(now) || failed(now).is_some()).await else { return Ok(()) };
        failed(&extensions).map_or(Ok(()), Err)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn registry() -> Registry {
        Registry::new(vec!["a".into(), "b".into()])
    }

    #[test]
    fn only_those_that_were_started_register_once_and_for_what_there_is() {
        let registry = registry();
        assert_eq!(registry.register("c", vec![]).unwrap_err().0, "Extension.InvalidExtensionName");
        assert_eq!(registry.register("a", vec!["REST".into()]).unwrap_err().0, "Extension.InvalidEventType");
        let id = registry.register("a", vec!["INVOKE".into()]).unwrap();
        assert_eq!(registry.register("a", vec![]).unwrap_err().0, "Extension.AlreadyRegistered");
        assert_eq!(registry.find(&id).unwrap().name, "a");
        assert!(registry.find("other").is_none());
    }

    #[tokio::test]
    async fn events_reach_those_that_registered_for_them_in_order() {
        let registry = registry();
        let a = registry.register("a", vec!["INVOKE".into(), "SHUTDOWN".into()]).unwrap();
        let b = registry.register("b", vec!["SHUTDOWN".into()]).unwrap();
        registry.registered().await.unwrap();
        registry.tell("INVOKE", &"first".into());
        registry.tell("SHUTDOWN", &"last".into());
        assert_eq!([registry.next(&a).await, registry.next(&a).await], ["first", "last"]);
        assert_eq!(registry.next(&b).await, "last");
    }

    #[tokio::test]
    async fn one_that_gives_up_ends_the_waiting() {
        let registry = registry();
        let id = registry.register("a", vec![]).unwrap();
        registry.give_up(&id, FunctionError::new("Extension.Tired", "a: of it"));
        assert_eq!(registry.idle().await.unwrap_err().error_type, "Extension.Tired");
    }
}

//! `Plugin` and `Registrar`: who is compiled in, and what it may ask for.

use crate::{Capabilities, LifecycleEvent, LifecycleHandler, Observer, Result, Rule, Selector, When, Wrapper};

/// What is compiled into the command. [`Builder`](crate::Builder) makes one in a few lines; this is for plugins that
/// keep something of their own.
///
/// ```
/// use std::sync::Arc;
/// use aisoc_platform::{Capabilities, Plugin, Registrar, Result, Selector, When};
///
/// struct Audit;
///
/// impl Plugin for Audit {
///     fn name(&self) -> &str { "audit" }
///     fn version(&self) -> &str { "0.1.0" }
///     fn capabilities(&self) -> Capabilities { Capabilities::default() }
///     fn install(&self, registrar: &mut dyn Registrar) -> Result {
///         let observer = Arc::new(|_: &_, invocation: &dyn aisoc_platform::Invocation| {
///             eprintln!("[audit] {}", invocation.cmd().path());
///         });
///         registrar.observe(When::After, "log", Selector::all(), observer);
///         Ok(())
///     }
/// }
/// ```
///
/// All four are said by whoever writes a plugin, also where there is nothing to say: nobody restricts by accident.
///
/// ```compile_fail,E0046
/// use aisoc_platform::{Plugin, Registrar, Result};
///
/// struct Audit;
///
/// impl Plugin for Audit {
///     fn name(&self) -> &str { "audit" }
///     fn version(&self) -> &str { "0.1.0" }
///     fn install(&self, _: &mut dyn Registrar) -> Result { Ok(()) }
/// }
/// ```
///
/// ```compile_fail,E0046
/// use aisoc_platform::{Capabilities, Plugin, Registrar, Result};
///
/// struct Audit;
///
/// impl Plugin for Audit {
///     fn version(&self) -> &str { "0.1.0" }
///     fn capabilities(&self) -> Capabilities { Capabilities::default() }
///     fn install(&self, _: &mut dyn Registrar) -> Result { Ok(()) }
/// }
/// ```
///
/// ```compile_fail,E0046
/// use aisoc_platform::{Capabilities, Plugin, Registrar, Result};
///
/// struct Audit;
///
/// impl Plugin for Audit {
///     fn name(&self) -> &str { "audit" }
///     fn capabilities(&self) -> Capabilities { Capabilities::default() }
///     fn install(&self, _: &mut dyn Registrar) -> Result { Ok(()) }
/// }
/// ```
///
/// ```compile_fail,E0046
/// use aisoc_platform::{Capabilities, Plugin};
///
/// struct Audit;
///
/// impl Plugin for Audit {
///     fn name(&self) -> &str { "audit" }
///     fn version(&self) -> &str { "0.1.0" }
///     fn capabilities(&self) -> Capabilities { Capabilities::default() }
/// }
/// ```
pub trait Plugin: Send + Sync {
    /// What it is called: [`is_valid_name`](crate::is_valid_name).
    fn name(&self) -> &str;

    /// Its own version, for listings.
    fn version(&self) -> &str;

    /// What it says of itself.
    fn capabilities(&self) -> Capabilities;

    /// Asks for what it wants to be called at. It is called once, before any command.
    ///
    /// # Errors
    /// Whatever keeps it from working; what comes of that is its [`FailurePolicy`](crate::FailurePolicy).
    fn install(&self, registrar: &mut dyn Registrar) -> Result;
}

/// What a plugin may ask for while it is installed. All of it comes about together when `install` has returned, or
/// none of it.
///
/// The name of a hook is one of its plugin's own, whatever it hooks: [`is_valid_name`](crate::is_valid_name). To others it
/// is `plugin.hook`.
///
/// ```
/// use aisoc_platform::{Registrar, Result, Rule, Selector};
///
/// fn install(registrar: &mut dyn Registrar) -> Result {
///     registrar.restrict(Rule { name: "no-keys".into(), deny: vec!["keys/**".into()], ..Rule::default() });
///     Ok(())
/// }
/// ```
///
/// Nothing is left out:
///
/// ```compile_fail,E0061
/// use aisoc_platform::{Registrar, Selector, When};
///
/// fn install(registrar: &mut dyn Registrar) {
///     registrar.observe(When::After, "log", Selector::all());
/// }
/// ```
///
/// ```compile_fail,E0308
/// fn install(registrar: &mut dyn aisoc_platform::Registrar) {
///     registrar.restrict(None);
/// }
/// ```
///
/// And nobody keeps it to ask later, from within a wrapper:
///
/// ```compile_fail,E0521
/// use std::sync::{Arc, Mutex};
/// use aisoc_platform::{Registrar, Selector};
///
/// fn install(registrar: &mut dyn Registrar) {
///     let kept = Arc::new(Mutex::new(registrar));
///     let wrapper: aisoc_platform::Wrapper = Arc::new(move |next| {
///         kept.lock().unwrap().restrict(Default::default());
///         next
///     });
/// }
/// ```
pub trait Registrar {
    /// Calls the observer before or after the commands that are selected.
    fn observe(&mut self, when: When, name: &str, selector: Selector, observer: Observer);

    /// Stands around the commands that are selected. The first that asks is the outermost.
    fn wrap(&mut self, name: &str, selector: Selector, wrapper: Wrapper);

    /// Calls the handler at what happens once in a process.
    fn on(&mut self, event: LifecycleEvent, name: &str, handler: LifecycleHandler);

    /// Puts a rule over all commands: once in a plugin, and by one plugin.
    fn restrict(&mut self, rule: Rule);
}

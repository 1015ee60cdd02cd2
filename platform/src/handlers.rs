//! The shapes of what plugins hand over to be called.

use std::sync::Arc;

use crate::{Ctx, Invocation, LifecycleContext, Result};

/// Called before or after a command, to look on. What it does changes nothing for the command.
///
/// ```
/// use std::sync::Arc;
/// use aisoc_platform::Observer;
///
/// let observer: Observer = Arc::new(|_, invocation| eprintln!("[audit] {}", invocation.cmd().path()));
/// ```
pub type Observer = Arc<dyn Fn(&Ctx, &dyn Invocation) + Send + Sync>;

/// A command, and whatever is wrapped around it: called, it runs.
///
/// ```
/// use aisoc_platform::Handler;
///
/// let refuses: Handler = Box::new(|_, _| Err("not today".into()));
/// ```
pub type Handler = Box<dyn Fn(&Ctx, &dyn Invocation) -> Result>;

/// What a wrapper stands around: the next wrapper, or the command. Not calling it stops the command.
///
/// ```
/// use aisoc_platform::{Handler, Next};
///
/// fn twice(next: Next) -> Handler {
///     Box::new(move |ctx, invocation| next(ctx, invocation).and_then(|()| next(ctx, invocation)))
/// }
/// ```
pub type Next = Handler;

/// Makes a handler around the next one. It is called once for each command that is given, so what lives longer than
/// that is kept by the plugin.
///
/// ```
/// use std::sync::Arc;
/// use aisoc_platform::{AbortError, Wrapper};
///
/// let wrapper: Wrapper = Arc::new(|next| Box::new(move |ctx, invocation| {
///     if invocation.args().is_empty() {
///         return Err(AbortError::new("say what it is about").into());
///     }
///     next(ctx, invocation)
/// }));
/// ```
///
/// It always makes one:
///
/// ```compile_fail,E0308
/// use std::sync::Arc;
/// use aisoc_platform::Wrapper;
///
/// let wrapper: Wrapper = Arc::new(|next| ());
/// ```
pub type Wrapper = Arc<dyn Fn(Next) -> Handler + Send + Sync>;

/// Called when something happens once in a process.
///
/// ```
/// use std::sync::Arc;
/// use aisoc_platform::LifecycleHandler;
///
/// let handler: LifecycleHandler = Arc::new(|ctx, lifecycle| {
///     eprintln!("{}, within {:?}", lifecycle.event, ctx.remaining());
///     Ok(())
/// });
/// ```
pub type LifecycleHandler = Arc<dyn Fn(&Ctx, &LifecycleContext) -> Result + Send + Sync>;

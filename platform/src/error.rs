//! `Error`: whatever a handler, a plugin or a command has failed of.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

/// The result of handlers and of plugins.
///
/// ```
/// fn parsed(text: &str) -> aisoc_platform::Result<u16> {
///     Ok(text.parse::<u16>()?)
/// }
/// assert_eq!(parsed("80").unwrap(), 80);
/// assert!(parsed("eighty").is_err());
/// ```
pub type Result<T = (), E = Error> = std::result::Result<T, E>;

/// Any error, shared: a command's error goes back to whoever called, and is seen by every observer.
///
/// Whatever is an error becomes one by `?`, and so does a text.
///
/// ```
/// use aisoc_platform::{AbortError, Error};
///
/// let error = Error::from(AbortError::new("no ticket was given"));
/// assert!(error.downcast_ref::<AbortError>().is_some());
/// assert_eq!(Error::from("no ticket was given").to_string(), "no ticket was given");
/// ```
#[derive(Clone)]
pub struct Error(Arc<dyn StdError + Send + Sync>);

impl Error {
    /// The error itself, with its source.
    ///
    /// ```
    /// use aisoc_platform::Error;
    ///
    /// let error = Error::from(std::io::Error::other("the disk is full"));
    /// assert_eq!(error.as_error().to_string(), "the disk is full");
    /// ```
    pub fn as_error(&self) -> &(dyn StdError + 'static) {
        &*self.0
    }

    /// The error as the type that it is.
    ///
    /// ```
    /// use aisoc_platform::Error;
    ///
    /// let error = Error::from(std::io::Error::from(std::io::ErrorKind::NotFound));
    /// let inner = error.downcast_ref::<std::io::Error>().expect("an error of I/O");
    /// assert_eq!(inner.kind(), std::io::ErrorKind::NotFound);
    /// ```
    pub fn downcast_ref<T: StdError + 'static>(&self) -> Option<&T> {
        self.as_error().downcast_ref()
    }
}

impl<E: Into<Box<dyn StdError + Send + Sync>>> From<E> for Error {
    fn from(error: E) -> Self {
        Self(Arc::from(error.into()))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

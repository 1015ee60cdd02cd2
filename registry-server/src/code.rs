//! `Code`: what a refusal is called, as the specification's table has it ("Error Codes"). There is no other, so none is
//! made up where one is refused.

/// A code of the table. Clients act on some of them, and print all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Code {
    /// `code-1`.
    BlobUnknown,
    /// `code-2`: also of a body that breaks off or does not come.
    BlobUploadInvalid,
    /// `code-3`.
    BlobUploadUnknown,
    /// `code-4`: also of what is no digest, or of no algorithm that is known.
    DigestInvalid,
    /// `code-5`.
    ManifestBlobUnknown,
    /// `code-6`.
    ManifestInvalid,
    /// `code-7`.
    ManifestUnknown,
    /// `code-8`.
    NameInvalid,
    /// `code-9`.
    NameUnknown,
    /// `code-10`: also of what is larger than is taken.
    SizeInvalid,
    /// `code-11`.
    Unauthorized,
    /// `code-12`.
    Denied,
    /// `code-13`: also of a question that has no meaning, and of what cannot be done because of the store. Of the table
    /// it alone says neither that something is not there nor that the client sent something wrong.
    Unsupported,
    /// `code-14`.
    TooManyRequests,
}

impl Code {
    /// As it is written.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::BlobUnknown => "BLOB_UNKNOWN",
            Self::BlobUploadInvalid => "BLOB_UPLOAD_INVALID",
            Self::BlobUploadUnknown => "BLOB_UPLOAD_UNKNOWN",
            Self::DigestInvalid => "DIGEST_INVALID",
            Self::ManifestBlobUnknown => "MANIFEST_BLOB_UNKNOWN",
            Self::ManifestInvalid => "MANIFEST_INVALID",
            Self::ManifestUnknown => "MANIFEST_UNKNOWN",
            Self::NameInvalid => "NAME_INVALID",
            Self::NameUnknown => "NAME_UNKNOWN",
            Self::SizeInvalid => "SIZE_INVALID",
            Self::Unauthorized => "UNAUTHORIZED",
            Self::Denied => "DENIED",
            Self::Unsupported => "UNSUPPORTED",
            Self::TooManyRequests => "TOOMANYREQUESTS",
        }
    }
}

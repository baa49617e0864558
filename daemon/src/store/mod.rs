//! What keeps the store fit for use, and says when it is not: the journal and the buffer themselves are another crate.
//!
//! - [`folder`]: whether the state directory may be used at all.
//! - [`alarm`]: everything about the store that an operator should know, as data that can be said in each language.
//! - [`keeper`]: retention, the size limit, the ballast, and looking whether the disk works again.
//! - `open`: which journal and buffer are taken as they are.
//! - [`carried`]: what of retired records still counts, so that a rebuild decides as before.
//! - [`rebuild`]: the buffer, built again while no gateway runs.

pub mod alarm;
pub mod carried;
pub mod folder;
pub mod keeper;
pub(crate) mod open;
pub mod rebuild;

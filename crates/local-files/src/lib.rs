//! Files that the installed programs leave on this machine and find there: whose they become, and
//! what is asked of one that holds a secret. It knows no program's folders.

mod owner;
mod secret;

pub use owner::inherit;
pub use secret::{check as check_secret, read as read_secret};

//! Files that the installed programs leave on this machine and find there: whose they become,
//! what is asked of one that holds a secret, and how a socket in a long folder is reached. It
//! knows no program's folders.

mod owner;
mod secret;
mod socket;

pub use owner::inherit;
pub use secret::{check as check_secret, read as read_secret};
pub use socket::{connect_to, listen_at};

//! How models get onto a machine: downloads that are cut, archives that were tampered with.

mod archive;
mod download;
mod server;

//! End-to-end tests: real programs, a real broker, real SQLite, real pictures. One binary, so that it links once.

mod layers;

//! Which broker a morning is played over, and how it is started. It plays nothing.

use std::{fs, path::Path};

use anyhow::Result;

use super::ANY_PORT;
use crate::{
    mosquitto::{self, Mosquitto},
    programs,
};

/// The broker between server and box.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum MorningBroker {
    /// In the server's own process.
    Embedded,
    /// Debian's, over TLS, with the configuration that the server writes for it.
    Mosquitto,
}

impl MorningBroker {
    /// The server's own, where it was built with one.
    pub fn at_hand() -> Result<Self> {
        Ok(if programs::server_has_broker()? { Self::Embedded } else { Self::Mosquitto })
    }

    /// Writes the server's configuration around the broker's `[mqtt]` table, and starts the broker
    /// where it is no part of the server. `folder` holds the files of both.
    pub fn start(
        self,
        folder: &Path,
        config: &Path,
        text: impl Fn(&str) -> String,
    ) -> Result<Option<Mosquitto>> {
        match self {
            Self::Embedded => {
                fs::write(config, text(&embedded_mqtt(ANY_PORT)))?;
                Ok(None)
            }
            Self::Mosquitto => {
                let port = mosquitto::free_port()?;
                fs::write(config, text(&mosquitto::secured(port)))?;
                fs::create_dir_all(folder.join("server-data"))?;
                Ok(Some(Mosquitto::secured(port, folder, config)?))
            }
        }
    }
}

/// The `[mqtt]` table of a server with its own broker.
pub(super) fn embedded_mqtt(listen: &str) -> String {
    format!("listen = \"{listen}\"\n")
}

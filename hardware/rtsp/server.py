#!/usr/bin/python3
"""Serves a moving test picture as H.264 over RTSP on loopback, behind a password. For scripts/rtsp-test; no camera.

    hardware/rtsp/server.py PORT USER PASSWORD            prints "serving" once it listens
    hardware/rtsp/server.py PORT USER PASSWORD FOLDER     the photographs 0.jpg, 1.jpg, … in it, four seconds each
"""
import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402

PICTURE = (
    "( videotestsrc is-live=true pattern=ball ! video/x-raw,format=I420,width=640,height=360,framerate=15/1 "
    "! x264enc tune=zerolatency speed-preset=ultrafast key-int-max=15 ! rtph264pay name=pay0 pt=96 )"
)
PHOTOGRAPHS = (
    '( multifilesrc location="{folder}/%d.jpg" index=0 loop=true caps=image/jpeg,framerate=1/4 ! jpegdec ! videoconvert '
    "! videoscale add-borders=true ! video/x-raw,format=I420,width=640,height=480 ! videorate ! video/x-raw,framerate=10/1 "
    "! x264enc tune=zerolatency speed-preset=ultrafast bitrate=4000 key-int-max=10 ! rtph264pay name=pay0 pt=96 )"
)


def main():
    port, user, password = sys.argv[1:4]
    picture = PHOTOGRAPHS.format(folder=sys.argv[4]) if len(sys.argv) > 4 else PICTURE
    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(port)
    auth = GstRtspServer.RTSPAuth()
    token = GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", "viewer")
    auth.add_basic(GstRtspServer.RTSPAuth.make_basic(user, password), token)
    server.set_auth(auth)
    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_launch(picture)
    factory.set_shared(True)
    permissions = GstRtspServer.RTSPPermissions()
    permissions.add_permission_for_role("viewer", "media.factory.access", True)
    permissions.add_permission_for_role("viewer", "media.factory.construct", True)
    factory.set_permissions(permissions)
    server.get_mount_points().add_factory("/stream", factory)
    if server.attach(None) == 0:
        sys.exit(f"port {port} is taken")
    print("serving", flush=True)
    GLib.MainLoop().run()


if __name__ == "__main__":
    main()

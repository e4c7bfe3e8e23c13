"""Each kind of channel says in its channel.json what it can show and what it must be told."""

from server.channels.about import about_of, help_of, kinds


def test_every_folder_is_a_kind() -> None:
    assert {"web", "webhook"} <= {about.kind for about in kinds()}
    for about in kinds():
        assert about_of(about.kind) is about
        assert about.channel_limits.title == about.title


def test_an_unknown_kind_is_none() -> None:
    assert about_of("pigeon") is about_of("../web") is None
    assert help_of("../web") == help_of("pigeon") == ""

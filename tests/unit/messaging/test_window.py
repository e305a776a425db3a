"""The relay's bookkeeping: one unconfirmed message a stream, a contiguous position, nothing lost on the way."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.messaging.outgoing import Wire
from shared.messaging.window import Window


def wire(stream_id: str, number: int) -> Wire:
    return Wire(stream_id, "order.events", "OrderPlaced", f"{stream_id}/{number}", stream_id, b"{}")


def window_of(*streams: str, size: int = 10) -> Window:
    """One event for each name, at positions 1, 2, …; an empty name is an event without a message."""
    window = Window(0, size=size)
    for position, stream_id in enumerate(streams, 1):
        window.add(position, [wire(stream_id, position)] if stream_id else [])
    return window


def send_all(window: Window, first_tag: int = 1) -> list[str]:
    sent: list[str] = []
    while (item := window.next()) is not None:
        window.sent(first_tag + len(sent), item, 0.0)
        sent.append(item.wire.message_id)
    return sent


def test_a_stream_has_at_most_one_message_with_the_broker() -> None:
    assert send_all(window_of("a", "a", "b")) == ["a/1", "b/3"]


def test_the_next_of_a_stream_follows_the_confirm() -> None:
    window = window_of("a", "a")
    send_all(window)
    window.confirmed(1, multiple=False)
    assert send_all(window, 2) == ["a/2"]


def test_no_more_than_the_window_is_with_the_broker() -> None:
    window = window_of("a", "b", "c", size=2)
    assert send_all(window) == ["a/1", "b/2"]
    assert window.in_flight == 2


def test_the_position_waits_for_the_first_gap() -> None:
    window = window_of("a", "b", "c")
    send_all(window)
    window.confirmed(2, multiple=False)
    window.confirmed(3, multiple=False)
    assert window.position == 0
    window.confirmed(1, multiple=False)
    assert window.position == 3


def test_one_confirm_may_cover_many() -> None:
    window = window_of("a", "b", "c")
    send_all(window)
    assert len(window.confirmed(2, multiple=True)) == 2
    assert window.position == 2


def test_an_event_without_a_message_moves_the_position_at_once() -> None:
    assert window_of("", "", "a", "").position == 2


def test_a_rejected_message_is_sent_again_before_its_successor() -> None:
    window = window_of("a", "a")
    send_all(window)
    assert window.rejected(1, multiple=False) == 1
    assert send_all(window, 2) == []
    window.release()
    assert send_all(window, 2) == ["a/1"]


def test_after_a_lost_connection_everything_unconfirmed_is_sent_again_first() -> None:
    window = window_of("a", "b", "c", size=2)
    send_all(window)
    assert window.restart() == 2
    assert window.position == 0
    assert send_all(window) == ["a/1", "b/2"]


def test_a_confirm_for_an_unknown_tag_changes_nothing() -> None:
    window = window_of("a")
    send_all(window)
    assert window.confirmed(7, multiple=False) == []
    assert window.pending == 1


def test_positions_must_rise() -> None:
    window = window_of("a")
    with pytest.raises(ValueError, match="already added"):
        window.add(1, [])


@settings(max_examples=200, deadline=None)
@given(
    streams=st.lists(st.sampled_from(["a", "b", "c", ""]), max_size=30),
    moves=st.lists(st.sampled_from(["send", "ack", "ack_many", "nack", "lose"]), max_size=60),
    data=st.data(),
)
def test_whatever_happens_each_stream_is_delivered_in_order_and_nothing_is_lost(
    streams: list[str], moves: list[str], data: st.DataObject
) -> None:
    window = window_of(*streams, size=3)
    tag = 0
    with_broker: dict[int, str] = {}
    delivered: list[str] = []
    for move in [*moves, "lose", *["send", "ack_many"] * (len(streams) + 1)]:
        if move == "send":
            while (item := window.next()) is not None:
                tag += 1
                window.sent(tag, item, 0.0)
                with_broker[tag] = item.wire.message_id
                delivered.append(item.wire.message_id)
        elif move == "lose":
            window.restart()
            with_broker.clear()
        elif with_broker:
            chosen = max(with_broker) if move == "ack_many" else data.draw(st.sampled_from(sorted(with_broker)))
            gone = [each for each in with_broker if each == chosen or (move == "ack_many" and each < chosen)]
            if move == "nack":
                window.rejected(chosen, multiple=False)
                window.release()
            else:
                window.confirmed(chosen, multiple=move == "ack_many")
            for each in gone:
                del with_broker[each]
        streams_out = [with_broker[each].split("/")[0] for each in with_broker]
        assert len(streams_out) == len(set(streams_out))
    assert window.pending == 0
    assert window.position == len(streams)
    for stream_id in ("a", "b", "c"):
        numbers = [int(each.split("/")[1]) for each in delivered if each.startswith(stream_id)]
        first_seen = list(dict.fromkeys(numbers))
        assert numbers == sorted(numbers)
        assert first_seen == [position for position, name in enumerate(streams, 1) if name == stream_id]

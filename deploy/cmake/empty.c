/* Keeps a room that has no source yet a valid library. */
typedef int empty_room;

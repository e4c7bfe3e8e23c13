"""python-telegram-bot: reads updates as bots do, and calls a Bot API."""

import asyncio
import json
import sys

from telegram import Bot, InlineKeyboardButton, InlineKeyboardMarkup, Update
from telegram.error import BadRequest, InvalidToken

given = json.load(sys.stdin)


async def call(bot):
    """One call of each kind that we make."""
    me = await bot.get_me()
    await bot.set_webhook(given["hook"], secret_token=given["webhook_secret"], allowed_updates=["message"])
    hook = await bot.get_webhook_info()
    keyboard = InlineKeyboardMarkup([[InlineKeyboardButton("Small", callback_data="s"), InlineKeyboardButton("Large", callback_data="l")]])
    sent = await bot.send_message(given["chat_id"], "<b>Which?</b>", parse_mode="HTML", reply_markup=keyboard)
    photo = await bot.send_photo(given["chat_id"], "https://example.com/shoe.png", caption="A shoe")
    file = await bot.get_file("BQACAgI")
    return {
        "username": me.username,
        "hook": hook.url,
        "sent": [sent.message_id, photo.message_id],
        "file": bytes(await file.download_as_bytearray()).decode(),
        "refused": [await refused(bot, text) for text in ("x" * 4_097, "<i")],
    }


async def refused(bot, text):
    """The kind of error that a text ends in."""
    try:
        await bot.send_message(given["chat_id"], text, parse_mode="HTML")
    except BadRequest as error:
        return str(error)
    return "taken"


async def main():
    """Everything at once: the client takes longer to start than to work."""
    async with Bot(given["token"], base_url=f"{given['api_url']}/bot", base_file_url=f"{given['api_url']}/file/bot") as bot:
        called = await call(bot)
        updates = [Update.de_json(one, bot) for one in given["updates"]]
        read = [
            {
                "key": str(update.update_id),
                "contact_id": str(update.effective_user.id),
                "name": update.effective_user.full_name,
                "language": update.effective_user.language_code,
                "text": update.message.text if update.message else None,
                "choice": update.callback_query.data if update.callback_query else None,
                "file": update.message.document.file_id if update.message and update.message.document else None,
            }
            for update in updates
        ]
    try:
        async with Bot("1:wrong", base_url=f"{given['api_url']}/bot"):
            token = "taken"
    except InvalidToken:
        token = "refused"
    json.dump({**called, "read": read, "wrong_token": token}, sys.stdout)


asyncio.run(main())

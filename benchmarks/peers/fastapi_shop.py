"""The peer: FastAPI, SQLAlchemy 2 and asyncpg; a signed token, prices looked up, one commit with an outbox row."""

import os
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated
from uuid import UUID, uuid4

import jwt
from fastapi import Depends, FastAPI, Header, HTTPException
from pydantic import BaseModel
from sqlalchemy import DateTime, ForeignKey, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship, selectinload

engine = create_async_engine(os.environ["PEER_DATABASE_URL"], pool_size=8)
session_of_request = async_sessionmaker(engine, expire_on_commit=False)
PUBLIC_KEY = os.environ["PEER_PUBLIC_KEY"]
app = FastAPI()


class Base(DeclarativeBase):
    """Common to the tables."""


class Product(Base):
    """A thing on sale."""

    __tablename__ = "product"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    sku: Mapped[str]
    name: Mapped[str]
    price: Mapped[Decimal]
    currency: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class Order(Base):
    """An order with its lines."""

    __tablename__ = "shop_order"
    __mapper_args__ = {"eager_defaults": True}
    id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(server_default="sequence")
    customer_id: Mapped[UUID]
    status: Mapped[str]
    currency: Mapped[str]
    total: Mapped[Decimal]
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    lines: Mapped[list["Line"]] = relationship()


class Line(Base):
    """A line of an order."""

    __tablename__ = "order_line"
    id: Mapped[int] = mapped_column(primary_key=True)
    order_id: Mapped[UUID] = mapped_column(ForeignKey("shop_order.id"))
    product_id: Mapped[UUID]
    quantity: Mapped[int]
    price: Mapped[Decimal]


class Outbox(Base):
    """An event that waits."""

    __tablename__ = "outbox"
    id: Mapped[int] = mapped_column(primary_key=True)
    type: Mapped[str]
    data: Mapped[dict] = mapped_column(JSONB)


class Item(BaseModel):
    """What is wanted of a product."""

    product_id: UUID
    quantity: int


class NewOrder(BaseModel):
    """An order to place."""

    items: list[Item]


class LineOut(BaseModel):
    """A line as it is shown."""

    product_id: UUID
    quantity: int
    price: Decimal


class OrderOut(BaseModel):
    """An order as it is shown."""

    id: UUID
    number: int
    customer_id: UUID
    status: str
    currency: str
    total: Decimal
    created_at: datetime
    lines: list[LineOut]


class ProductOut(BaseModel):
    """A product as it is shown."""

    id: UUID
    sku: str
    name: str
    price: Decimal
    currency: str


async def session():
    """Open a session for the request."""
    async with session_of_request() as opened:
        yield opened


def user(authorization: Annotated[str, Header()]) -> UUID:
    """Check the token; return whose it is."""
    try:
        claims = jwt.decode(
            authorization.removeprefix("Bearer "), PUBLIC_KEY, algorithms=["RS256"], options={"verify_aud": False}
        )
    except jwt.InvalidTokenError as error:
        raise HTTPException(401) from error
    return UUID(claims["sub"])


Session = Annotated[AsyncSession, Depends(session)]
User = Annotated[UUID, Depends(user)]


@app.post("/api/v1/orders", status_code=201)
async def create_order(body: NewOrder, db: Session, user: User) -> OrderOut:
    """Place an order at the prices that stand."""
    wanted = [item.product_id for item in body.items]
    found = {row.id: row for row in (await db.scalars(select(Product).where(Product.id.in_(wanted)))).all()}
    if len(found) != len(set(wanted)):
        raise HTTPException(422)
    lines = [
        Line(product_id=item.product_id, quantity=item.quantity, price=found[item.product_id].price)
        for item in body.items
    ]
    total = sum((line.price * line.quantity for line in lines), Decimal(0))
    order = Order(
        id=uuid4(), customer_id=user, status="created", currency="RUB", total=total, lines=lines,
        created_at=datetime.now(UTC),
    )  # fmt: skip
    db.add_all([order, Outbox(type="order.created", data={"order_id": str(order.id), "total": str(total)})])
    await db.commit()
    return OrderOut.model_validate(order, from_attributes=True)


@app.get("/api/v1/orders/{order_id}")
async def read_order(order_id: UUID, db: Session, user: User) -> OrderOut:
    """Show an order to its owner."""
    own = select(Order).where(Order.id == order_id, Order.customer_id == user).options(selectinload(Order.lines))
    order = (await db.scalars(own)).one_or_none()
    if order is None:
        raise HTTPException(404)
    return OrderOut.model_validate(order, from_attributes=True)


@app.get("/api/v1/orders")
async def list_orders(db: Session, user: User) -> list[OrderOut]:
    """List a person's twenty newest orders."""
    own = select(Order).where(Order.customer_id == user).order_by(Order.created_at.desc(), Order.id.desc()).limit(20)
    found = (await db.scalars(own.options(selectinload(Order.lines)))).all()
    return [OrderOut.model_validate(order, from_attributes=True) for order in found]


@app.get("/api/v1/products")
async def list_products(db: Session) -> list[ProductOut]:
    """List the twenty newest products."""
    newest = select(Product).order_by(Product.created_at.desc(), Product.id.desc()).limit(20)
    return [ProductOut.model_validate(row, from_attributes=True) for row in (await db.scalars(newest)).all()]


@app.get("/api/v1/products/{product_id}")
async def read_product(product_id: UUID, db: Session) -> ProductOut:
    """Show a product."""
    found = await db.get(Product, product_id)
    if found is None:
        raise HTTPException(404)
    return ProductOut.model_validate(found, from_attributes=True)
